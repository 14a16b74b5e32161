"""How fast it is, beside others: `python -m bench`, or `make bench`, which installs what that needs first.

One load generator, one Redis, and a server process of its own for every row. The server has a core
to itself; the generator, Redis and PostgreSQL share the other one.
"""
