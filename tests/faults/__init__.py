"""Nothing is lost: the real product under real faults, seen from outside.

A town (`town.py`) is a server of two workers with a Redis of its own (and, where that is to fail, a
PostgreSQL of its own), fifty people, and a writer (`writing.py`, a process) that tells them some 200
things a second, over REST and through `notify`. An ordeal (`ordeal.py`) is one fault: each person is connected
to both workers by clients (`client.py`) that follow the contract's close codes and cursors; something
is killed, frozen or emptied while the writer writes; then writing stops, and every client must
have exactly the rows of the database, in order, none twice, with everything in them that was answered 201.

The ordeals that take seconds run with all other tests; `--long-faults` adds the others. `-s` shows what
each did: how long holes lasted for those who stayed connected; `--fault-report FILE` also writes it down.

    python -m pytest tests/faults --long-faults --fault-report /tmp/faults.md

`--through-nginx` puts a real nginx, with the files of `deploy/`, between all of them and the workers.
"""
