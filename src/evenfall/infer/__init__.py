"""Statistics: arrays in, frozen results out.

Rules with stable ids and named parameter profiles. No input or output, no wall clock; randomness
and time zones are arguments.
"""
