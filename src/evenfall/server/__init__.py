"""The measurement server: paired transfers over TLS under any name; keeps no record of who came."""
