"""consentid: consent once, honoured everywhere.

Layers point down: ``cli`` -> ``demo`` -> ``web | worker`` -> ``flows`` -> ``store | keyring |
cache | net | embedded | verify`` -> ``settings`` -> ``tokens | ledger | brandbook`` -> ``core``
-> ``kit``.  Each package's docstring says what lives there and what it may import.
"""
