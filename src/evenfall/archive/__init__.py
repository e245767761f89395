"""Other people’s formats: bytes and rows in, observations and quarantine out.

One file a format. Pure: the caller opens the file.
"""
