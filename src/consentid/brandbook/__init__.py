"""The group's configuration: ``brands/*.toml`` in, checked objects out, immutable versions onward.

May import ``core`` and ``kit``.  Reads the given folder and nothing else of the world.

Invariants: a mistake is never half accepted, and all of them are told at once, each with file,
line, key and remedy; the same files give the same book, byte for byte; a version that was applied
never changes.
"""
