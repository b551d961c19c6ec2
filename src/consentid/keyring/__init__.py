"""Private keys from a folder or a mounted secret: signing, pairwise, per-subject wrapping.

``keyring.json`` is the public manifest: every published key with its state.  Beside it lie
``<kid>.pem`` for the keys that can still sign, ``pairwise.key``, ``master.key`` and ``ledger.key``.

Invariants: a private file open to others is refused; these three are never
overwritten; the manifest is replaced as a whole and last, so a crash leaves the old or the new one;
a key is published for as long as a verifier may cache the key set before it signs, and for as long
as anything that it signed may live after it stops.  May import tokens, core and kit.
"""
