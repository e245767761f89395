"""`python -m evenfall.cli`: the same program, where the script is not on PATH."""

from evenfall.cli import main

main()
