"""Protocol pieces without sockets: bytes in, events out.

The pair protocol of our measurement server and the TLS ClientHello parser. Nothing here opens a
socket, reads a clock or draws a random number; the caller owns the connection.
"""
