"""The people of the tests. Everybody is made anew, with a name of their own, because nothing is rolled back.

ann is a customer, bob and alice are agents, mia is a member, eve a member that belongs nowhere, admin staff.
"""

from __future__ import annotations

import secrets
from functools import cache
from typing import Any

from django.contrib.auth.hashers import make_password

from accounts.models import Agent, Customer, Role, User

PASSWORD = "Tr0ub4dor-and-3-horses"


def member(name: str = "mia", **fields: Any) -> User:
    """A member, saved. `fields` are the user's own."""
    return User.objects.create(username=_unique(name), display_name=name.title(), password=_hashed(), role=Role.MEMBER, **fields)


def agent(name: str = "bob", **fields: Any) -> User:
    """An agent, saved."""
    user = User.objects.create(username=_unique(name), display_name=name.title(), password=_hashed(), role=Role.AGENT, **fields)
    Agent.objects.create(user=user)
    return user


def customer(name: str = "ann", channel: str = "WEB", **fields: Any) -> User:
    """An anonymous customer, saved; `user.customer` is the rest of it. `fields` are the customer's."""
    user = User.objects.create(username=_unique(name), display_name=name.title(), password=make_password(None), role=Role.CUSTOMER)
    Customer.objects.create(user=user, name=name.title(), channel=channel, **fields)
    return user


def staff(name: str = "admin") -> User:
    """A member that may do everything in the admin, saved."""
    return member(name, is_staff=True, is_superuser=True)


def _unique(name: str) -> str:
    return f"{name}-{secrets.token_hex(5)}"


@cache
def _hashed() -> str:
    """PASSWORD under the real hasher, which is slow on purpose: once is enough for everybody."""
    return make_password(PASSWORD)
