"""The same, naming an application that does not exist."""

from tests.servers.bare import *  # noqa: F403

ASGI_APPLICATION = "tests.servers.nowhere.application"
