"""`manage.py` in which no decision of routing takes the lock, for a test that must see that.

Workers are spawned, and import this file again before they begin.
"""

from __future__ import annotations

import os
import sys

import django
from django.core.management import execute_from_command_line

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from realtime.chat import routing  # noqa: E402

routing.lock = lambda: None

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
