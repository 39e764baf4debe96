"""The doors for browsers, HTTP and OSC: a process that is a client of the server like any other."""
