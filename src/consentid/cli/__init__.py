"""The command line: turns words into calls of flows, and answers into lines and exit codes.

May import everything.  ``main`` imports a command's module only when it is asked for, and the
modules import the server's parts only when they run, so ``consentid verify`` works on the base
dependencies alone.

Each command module has ``add_parser(subparsers)`` and ``run(args)``, which answers the exit code:

====  ==========================================================
0     done, or the answer is yes
1     the answer is no, a check failed, or a request was refused
2     wrong usage
3     something that we need cannot be reached or cannot run now
4     the installation is not set up rightly
====  ==========================================================
"""
