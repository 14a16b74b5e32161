"""What only shows after a while: memory that grows, and what is not given back.

The short forms run with all other tests; `--long-soak` runs them at full length, and `-s` shows the figures.
"""
