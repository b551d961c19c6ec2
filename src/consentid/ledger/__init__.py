"""The transparency log as a format: it knows bytes, not consent.

What a deciding transaction stages (``leaf``, ``commitment``), the Merkle tree over it (``tree``,
``growing``), its tiles and bundles (``tiles``), its signed heads (``note``, ``checkpoint``,
``cosignature``) and what whoever got a receipt keeps (``bundle``).
Imports ``kit`` and ``cryptography`` only.

Invariants: nothing here is trusted before it was checked; a proof is checked by other steps than
those that made it; encodings that shipped never change.
"""
