"""The open door: sessions and the ZeroMQ server."""
