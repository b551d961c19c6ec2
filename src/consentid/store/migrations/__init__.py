"""The database's history, one file per step.  Shipped steps never change.

Code must run before and after each step: expand first, contract in a later release.
"""
