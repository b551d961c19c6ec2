"""What consent means: facts in, answer out.

Pure: no clock, no I/O, no randomness; instants are arguments.  Imports ``kit`` only.

Invariants, held by property tests: the projection is a function of the *set* of decisions; merging
is commutative, associative, idempotent; a refusal never turns a no into a yes; an override never
widens; time alone never turns a no into a yes; ties and doubt are a no.
"""
