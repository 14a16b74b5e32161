"""`manage.py routes`."""

import io
import re

import pytest
from django.core.management import CommandError, call_command
from django.urls import path, re_path
from django.views import View

from realtime.management.commands.routes import addresses, complaints

VIEW = View.as_view()


def routes(*arguments):
    out = io.StringIO()
    call_command("routes", *arguments, stdout=out)
    return out.getvalue().splitlines()


def test_every_address_is_listed_with_its_methods_and_the_admins_if_they_are_asked_for():
    lines = routes()
    assert "http  /api/v1/notifications/<int:pk>  GET,PATCH,DELETE" in lines
    assert "ws    /ws/chat" in lines
    assert not any("/admin/" in line for line in lines)
    assert "http  /admin/login/" in routes("--admin")
    assert all(re.fullmatch(r"(http|ws  )  /\S*(  [A-Z,]+)?", line) for line in lines)


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        ([path("a/<int:pk>", VIEW), path("a/<str:pk>", VIEW)], []),
        ([path("a", VIEW), path("a/", VIEW)], ["/a is registered 2 times, also as /a/"]),
        ([path("a/<int:pk>", VIEW), re_path(r"^a/(?P<number>[0-9]+)/?$", VIEW)], ["/a/<int:pk> is registered 2 times, also as /a/(?P<number>[0-9]+)/?"]),
        ([path("api/v1/api/v1/a", VIEW)], ["/api/v1/api/v1/a repeats its prefix"]),
    ],
)
def test_what_is_registered_twice_is_found(patterns, expected):
    assert list(complaints(found for found, _ in addresses(patterns))) == expected


def test_an_address_that_is_registered_twice_fails_the_command(settings):
    settings.ROOT_URLCONF = __name__
    with pytest.raises(CommandError, match="/twice is registered 2 times"):
        routes()


urlpatterns = [path("twice", VIEW), path("twice/", VIEW)]
