"""What OAuth and OpenID Connect ask and forbid, one file per specification: no HTTP, no I/O.

May import ``core`` and ``kit``.  A request comes in as fields that were parsed strictly before
(each once, text only) and leaves as a value of ours, or is refused in OAuth's own words.
"""
