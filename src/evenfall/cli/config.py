"""The configuration file named by `--config`: defaults for the global options, in TOML.

    store = "/data/evenfall"
    lang = "en"
    tz = "Asia/Almaty"

A flag wins over the environment, and that over the file. Unknown keys are errors: a misspelt key
that is silently ignored is worse than none.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from evenfall.model.errors import UsageError

__all__ = ["Config", "read_config"]


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a configuration file may set; empty: not set."""

    store: str = ""
    lang: str = ""
    tz: str = ""


_FILE_BYTES_MAX = 65_536


def read_config(path: str) -> Config:
    """Read the file; no path, no settings.

    Raises:
        UsageError: it cannot be read, is not TOML, or has a key that is not one of ours.
    """
    if not path:
        return Config()
    from evenfall.net.own_files import read_own_file

    keys = ", ".join(Config.__struct_fields__)
    try:
        raw = read_own_file(Path(path), _FILE_BYTES_MAX)  # what is cut off here is no TOML
        return msgspec.toml.decode(raw, type=Config)
    except (OSError, ValueError, msgspec.MsgspecError) as error:
        raise UsageError(
            expected=f"a TOML file with any of the keys {keys}",
            seen=str(error),
            where=f"--config {path}",
            remedy="docs/cli.md says what a configuration file may hold.",
        ) from error
