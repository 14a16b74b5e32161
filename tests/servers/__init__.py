"""Real servers for the tests: Redis, PostgreSQL, and our own two."""
