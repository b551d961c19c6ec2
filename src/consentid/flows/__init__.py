"""What comes next: one verb, one file.

A flow opens its transaction, fetches, lets the core judge, has the store write, and speaks only
after the commit.  May import ``store``, ``keyring``, ``cache``, ``net`` and everything below.
The instant of an online act is the database's; randomness comes with the context.
"""
