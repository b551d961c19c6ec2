"""Where events go beside webhooks: to a broker, and as files to a warehouse.

``broker`` says what a broker has to do, ``jetstream`` does it by NATS JetStream.  ``rows`` makes
tables of events, ``parquet`` and ``spreadsheet`` files of rows, ``folder`` a warehouse of files.
Imports the contract of events and ``kit``, and the library of the system that it speaks to, which
is an extra of its own: whoever does not use it does not install it.

Invariants: what a broker has acknowledged is durable there, and in the order of the feed; a reader
of a folder finds each row once; nothing here knows the database, or what consent means.
"""
