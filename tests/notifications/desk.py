"""The admin, as somebody of the staff uses it."""

from __future__ import annotations

import re
from typing import Any

from django.contrib.auth.models import Permission
from django.http import HttpResponse
from django.test import Client

from accounts.models import User
from tests import cast

COMPOSE = "/admin/notifications/notification/add/"
LIST = "/admin/notifications/notification/"
ANNOUNCEMENTS = "/admin/notifications/announcement/"
WORDS = {"type": "system", "title": "Maintenance", "message": "Tonight at <b>ten</b>", "link": "/status"}


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def staff(*permissions: str) -> User:
    user = cast.member("carol", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


def page(answer: Any) -> str:
    assert isinstance(answer, HttpResponse)
    assert answer.status_code == 200
    return answer.content.decode()


def hidden(text: str) -> dict[str, list[str]]:
    """The hidden fields of a page, as a browser would send them."""
    found: dict[str, list[str]] = {}
    for tag in re.findall(r'<input type="hidden"[^>]*>', text):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and value:
            found.setdefault(name[1], []).append(value[1].replace("&lt;", "<").replace("&gt;", ">"))
    return found


def act(client: Client, action: str, *rows: Any, path: str = LIST) -> Any:
    return client.post(path, {"action": action, "_selected_action": [row.pk for row in rows]}, follow=True)
