"""The product's settings, in a surrounding of the tests' own: nothing of the developer's leaks in.

Each process of a parallel run has its own VAR_DIR, and so its own SQLite file and private Redis.
TEST_DATABASE_URL makes it another database; see `tests/servers/postgres.py`.
"""

import atexit
import os
import secrets
import shutil
import tempfile
from dataclasses import fields

from config.options import Options

for option in fields(Options):
    os.environ.pop(option.name.upper(), None)

VAR_DIR = tempfile.mkdtemp(prefix="switchboard-test-")
atexit.register(shutil.rmtree, VAR_DIR, ignore_errors=True)

os.environ |= {"DEBUG": "1", "VAR_DIR": VAR_DIR, "SECRET_KEY": secrets.token_urlsafe(48)}
if os.environ.get("TEST_DATABASE_URL"):
    os.environ["DATABASE_URL"] = os.environ["TEST_DATABASE_URL"]

from config.settings import *  # noqa: E402, F403
