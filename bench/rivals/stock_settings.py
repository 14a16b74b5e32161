"""The settings of the stock Channels project."""

import os

SECRET_KEY = os.environ["BENCH_SECRET"]
INSTALLED_APPS = ["daphne", "channels"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
CHANNEL_LAYERS = {"default": {"BACKEND": os.environ["BENCH_LAYER"], "CONFIG": {"hosts": [os.environ["BENCH_REDIS"]]}}}
USE_TZ = True
