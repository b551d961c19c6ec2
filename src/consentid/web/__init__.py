"""HTTP in and out, with no rule about consent: parse, call a flow, answer.

Each file is one noun of the API.  Bodies are checked for strictness once, at the edge
(``strict_bodies``), errors become problem documents in one place (``problems``).
"""
