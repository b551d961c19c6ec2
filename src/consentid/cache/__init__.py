"""Valkey and only Valkey.  It holds nothing that PostgreSQL could not rebuild.

When it is gone, everything is answered still: limits are then counted per process.
"""
