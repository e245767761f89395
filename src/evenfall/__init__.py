"""Evenfall finds out, proves and documents internet curfews.

A curfew is the slowing or blocking of chosen services, at certain hours, on some networks,
while the rest of the net works. Facts go in at the left (a probe's own measurements, or
archives), meanings come out at the right (verdicts, curfews, pages); no meaning is ever stored
where a fact belongs. Each room below says in its own docstring what it does and what it may touch.
"""

__version__ = "0.1.0"
__all__ = ["__version__"]
