"""
Inputs made up by a machine, and what must hold for every one of them.

``python -m fuzz TARGET`` searches, guided by coverage; it needs atheris, the extra ``fuzz``.  ``tests/test_fuzz.py``
runs the saved corpus, and mutations of it, with nothing but Python.
"""
