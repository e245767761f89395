"""Parquet as truth, DuckDB as engine: a folder of facts, and queries over it.

Facts are never edited; everything derived can be made again.
"""
