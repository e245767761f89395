"""The benchmark of many nights: what Evenfall and its peers say of worlds whose truth is known.

    hours.py        minutes of the day: windows, how far apart, how much in common
    said.py         what a method says of a world, in one form for all methods
    outcome.py      what was said, held against the truth
    tally.py        outcomes added up: a row of the file
    rates.py        the rates of a family, with their limits
    constants.py    a digest of the numbers that judge
    worlds.py       one world drawn, judged, and forgotten; prefixes; looking every day
    run.py          many worlds in several processes
    today.py        which kept rows still count
    tally_file.py   rows that add up in a file
    compared.py     where a peer is ahead, and what it pays for that
    words.py        the table on a terminal

The truth reaches `outcome.py` only; what judges is given the series.
"""
