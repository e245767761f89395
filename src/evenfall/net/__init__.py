"""Sockets, clocks and TCP_INFO: the only room that opens a socket for measuring.

`api` says what a measurement may ask of a network, `sockets` does it for real, `fake` does it in
memory for tests.
"""
