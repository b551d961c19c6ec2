"""What an operator sees of a running process: plain counts, and Prometheus' way to read them.

Counting is an integer in this process's memory: nothing is sent, locked or formatted on the way of
a request.  Who scrapes reads the integers then.  May import settings and kit.

Invariants: no label holds anything of a person, and no label's values are without a bound; nothing
is exposed unless the operator names a port, and then on a listener of its own.
"""
