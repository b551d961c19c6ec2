"""Outbound HTTP: a guarded client, and what we fetch with it.

Guarded means: no redirects, bounded bodies, bounded time, nothing but the address configured.
"""
