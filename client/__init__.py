"""The wire: protocol types and the Python client (pyzmq and msgspec only)."""
