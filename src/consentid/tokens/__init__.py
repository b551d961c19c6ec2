"""The consent token, the status list and the receipt as formats: bytes in, values out, and back.

May import core and kit, ``msgspec`` and ``cryptography``, nothing else: a partner installs this.
Reads no clock, holds no private key, fetches nothing.

Invariants: what we sign, we would verify (``unsigned`` reads back what it wrote); no token is
trusted before its signature holds; one algorithm, ES256, fixed by the key and never taken from a
token; a token that fails is a value, ``Inactive(reason)``, not an exception.
"""
