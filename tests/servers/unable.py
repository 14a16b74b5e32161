"""The product's settings, naming an application that does not exist."""

from config.settings import *  # noqa: F403

ASGI_APPLICATION = "tests.servers.nowhere.application"
