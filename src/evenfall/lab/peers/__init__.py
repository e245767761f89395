"""Rules of other people, applied to our own data: what they would have said of the same rows.

`by_name.PEERS` are the four that the benchmark of many nights is held against. Each takes what
`given` makes of a series and returns the local hours of the day that it calls slowed or blocked;
none: it claims nothing. None of them was made for nights, so each file says how its rule is carried
over, and every choice there is made in the peer's favour; what is the same for all of them:

    They get the rows that Evenfall itself would use: those with an unverified clock or an
    impossible stamp or value are taken out before, and times are local.
    They get the ratio to the concurrent control where there is one, so that an evening that is slow
    for everybody is not held against them.
    They say no scope, so where a service really is slow for everybody (`may_say` of the truth is
    "undetermined") a claim of theirs is no false alarm.
    Their hours are compared with the truth without weekdays, which none of them knows.

What other readings would have given: docs/decisions/0026-peers-judge-nights-in-their-favour.md.

`wehe.py` is the rule of Wehe's client on one occasion, as `lab score --check` uses it.
"""
