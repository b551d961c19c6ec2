"""The contract of the event feed, as a format: what a receiver is told of a change, and how.

Events are CloudEvents 1.0 in JSON.  A type ends in its version; a form that has shipped is never
edited.  Imports ``kit`` alone, waits for nothing.  The same is told as security event tokens
(``security_events``), and what the portal tells by such tokens is judged here (``portal_events``).

Invariants: an event names a person by the receiver's own identifier only, carries the receiver's
own sequence and id, and no index of the ledger, no version of the subject, no instant of what was
decided elsewhere.
"""
