"""Measures this server beside the bare upstream: `python -m bench`. README.md says how to read the table."""
