"""Findings to pages: one self-contained HTML file, readable on paper and without JavaScript."""
