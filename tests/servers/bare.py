"""The product's settings before a small ASGI application, to see what the servers do on their own."""

from config.settings import *  # noqa: F403

ASGI_APPLICATION = "tests.servers.echo.application"
ROOT_URLCONF = "tests.servers.bare"
urlpatterns: list[object] = []
