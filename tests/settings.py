"""The product's settings, in a surrounding of the tests' own: nothing of the developer's leaks in.

Options are read once, when the settings are imported, so the environment is made here, before that;
servers that the tests start inherit it. Everything is as in production (DEBUG is off, rates and
lifetimes are the real ones), but for the durations that a test would have to sit out: those run at
a tenth.

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

os.environ |= {
    "VAR_DIR": VAR_DIR,
    "SECRET_KEY": secrets.token_urlsafe(48),
    "ALLOWED_HOSTS": "127.0.0.1,localhost,testserver",
    "HTTPS": "0",  # there is no proxy, but in the tests of one
    "WS_ALLOWED_ORIGINS": "http://shop.example",
    "WS_HEARTBEAT_INTERVAL": "3",
    "KEEPER_INTERVAL": "0.25",  # oftener, and the idle workers of all these servers would take a third of the machine
    # Twice the usual: all tests at once keep a machine so busy that a connection may take a second.
    "REDIS_TIMEOUT": "2",
    "TOKEN_WARNING": "6",
    "DRAIN_SPREAD": "0.4",
    "PRESENCE_LEASE": "1",
    "PRESENCE_GRACE": "1",
    "PRESENCE_QUIET": "0.1",
    "SUPPORT_GRACE": "3",
    "INBOX_STRICT": "1",
}
if os.environ.get("TEST_DATABASE_URL"):
    os.environ["DATABASE_URL"] = os.environ["TEST_DATABASE_URL"]

from config.settings import *  # noqa: E402, F403
