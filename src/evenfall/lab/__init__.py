"""Emulated networks with known truth, and the censor that exists only inside them.

Runs the real probe over real sockets in a network whose rules are written in a scenario file. It
refuses to act on any interface it did not make, and the process under test is told nothing.
"""
