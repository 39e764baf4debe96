"""The ZeroMQ server: sockets, requests, and the processes beside it."""
