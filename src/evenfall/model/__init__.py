"""The nouns: what things are, as frozen structs and closed vocabularies.

A type belongs here if two rooms need it and it holds no logic beyond its own invariants. Facts
(`Observation`) and meanings (`Verdict`, `Curfew`) are different types in different files, and no
field of the first ever holds the second. No input or output, no wall clock, no randomness.
"""

from evenfall.model.curfew import Curfew, Effect, Instants, SeriesFinding, Window
from evenfall.model.encoding import canonical_json, digest_hex, to_json_line
from evenfall.model.errors import (
    BudgetExceeded,
    EvenfallError,
    FormatError,
    LabError,
    MissingExtra,
    ProtocolError,
    StoreError,
    UsageError,
)
from evenfall.model.observation import Observation
from evenfall.model.schema import OBSERVATION_COLUMNS, Column
from evenfall.model.target import MeasurementServer, Target, TargetList
from evenfall.model.verdict import Rival, SlowerBy, Summary, Verdict

__all__ = [
    "OBSERVATION_COLUMNS",
    "BudgetExceeded",
    "Column",
    "Curfew",
    "Effect",
    "EvenfallError",
    "FormatError",
    "Instants",
    "LabError",
    "MeasurementServer",
    "MissingExtra",
    "Observation",
    "ProtocolError",
    "Rival",
    "SeriesFinding",
    "SlowerBy",
    "StoreError",
    "Summary",
    "Target",
    "TargetList",
    "UsageError",
    "Verdict",
    "Window",
    "canonical_json",
    "digest_hex",
    "to_json_line",
]
