"""The bench: how fast the hub is, as ratios within one run. ``README.md`` says how to read it.

One module a subject, each runnable alone: ``python -m bench.poll --quick``.
"""
