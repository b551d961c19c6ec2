"""The transparency log as a format: it knows bytes, not consent.

Imports ``kit`` only.  Here so far: the leaf that a deciding transaction stages.
"""
