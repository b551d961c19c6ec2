"""The database's history, one file per step.  Shipped steps never change.

Code must run before and after each step: expand first, contract in a later release.  Where a step
takes something away that the release before could rely on (a column, a default, a privilege; a new
rule for what is written), its module says so: ``contracts`` maps what it takes, as
``tests/store/schema.py`` words it, to since when nothing relies on it.  Steps after 0023 build
indexes on tables that have rows with ``postgresql_concurrently``, in an ``autocommit_block``.
"""
