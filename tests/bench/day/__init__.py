"""A day in the life of a group, at the rate one says, on two web processes and a worker.

``proportions`` states who comes how often and for what, ``acts`` what each then asks, ``people``
who they are.  ``arriving`` lets them come as chance has it (Poisson), whatever the answers take,
and times each from the moment at which it was due.  ``wire`` speaks HTTP, ``town`` is what is
measured, ``watching`` looks at its processes, ``weighing`` at its database, ``extrapolating`` makes
a large group's figures of it, ``telling`` prints.
"""
