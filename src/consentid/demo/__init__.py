"""The demo: the Halcyon group on one machine, with real parts.

Lives here: the customer portal *Halcyon ID* (``portal*``), the brand and partner sites
(``sites*``), the child processes and their supervisor (``stage``, ``processes``), and the tour
that walks the whole river over real HTTP and says what it sees (``tour*``).

May import everything below ``cli``.  Invariants: listens on loopback only; every secret is made
afresh for the demo's own folder and lies there with mode 0600; the sites know of consentid only
what its public contract says; no child process outlives its parent.
"""
