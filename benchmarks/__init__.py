"""
What txami costs, next to floors that nobody can be cheaper than and to other clients.

``python -m benchmarks`` runs the works of :mod:`benchmarks.works` in several rounds, each client in a process of
its own against the replay server of :mod:`benchmarks.server`, and prints the medians.  What the server sends was
recorded from an Asterisk by :mod:`benchmarks.record`.  Nothing here is a test with a clock: the tests only see that
every driver does the whole work.
"""
