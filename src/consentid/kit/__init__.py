"""Tools without a word of consent: ids, instants, canonical JSON, base64url, errors, lanes.

Imports nothing of consentid.  Does no I/O and reads no clock: the instant and the randomness are
arguments.  Stays tiny.
"""
