"""The product's settings before a small ASGI application, to see what the servers do on their own."""

from config import settings
from config.settings import *  # noqa: F403

ASGI_APPLICATION = "tests.servers.echo.application"
ROOT_URLCONF = "tests.servers.bare"
LOGGING = {**settings.LOGGING, "loggers": {}}  # Uvicorn's lines for requests too, which the product leaves out
urlpatterns: list[object] = []
