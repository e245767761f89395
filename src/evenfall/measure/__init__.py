"""One step each: look up, connect, handshake, fetch, transfer.

Each function asks the network one question and returns observations. A failure of the network is
a field of the observation; nothing here raises because the network said no.
"""
