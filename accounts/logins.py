"""Signing in with a name and a password, and what happens to those who guess.

An unknown name, a wrong password, an inactive account and a customer's account get one answer, after
the same work. Failures lock a name from an address (django-axes counts them in the database).
"""

from __future__ import annotations

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib import admin
from django.contrib.auth import authenticate
from django.contrib.auth.signals import user_logged_in
from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.addresses import client_address
from accounts.models import Role, User
from accounts.problems import Problem


def log_in(*, request: HttpRequest, username: str, password: str) -> User:
    """The user of that name and password. Raises Problem: INVALID_CREDENTIALS or LOGIN_LOCKED."""
    user = authenticate(request=request, username=username, password=password)
    if getattr(request, "axes_locked_out", False):
        request.axes_locked_out = False  # type: ignore[attr-defined]  # or axes's middleware would replace our answer
        raise Problem("LOGIN_LOCKED", wait=lock_left(request, username))
    if not isinstance(user, User) or user.role == Role.CUSTOMER:
        raise Problem("INVALID_CREDENTIALS")
    # Django's own login() would say this too; it resets the failures and dates the last login.
    user_logged_in.send(sender=User, request=request, user=user)
    return user


def lock_left(request: HttpRequest, username: str) -> float:
    """Seconds until that name may be tried again from this address."""
    attempts = AccessAttempt.objects.filter(username=username, ip_address=client_address(request))
    last = attempts.aggregate(last=Max("attempt_time"))["last"]
    passed = (timezone.now() - last).total_seconds() if last else 0.0
    return max(1.0, float(settings.SWITCHBOARD.login_lock - passed))


def locked(request: HttpRequest, *passed: object) -> HttpResponse:
    """What axes puts in the place of the admin's answer to a locked login (AXES_LOCKOUT_CALLABLE).

    It passes the response and the credentials; under ASGI, in 8.3.1, the credentials where the response should be.
    """
    credentials = next((each for each in passed if isinstance(each, dict)), {})
    left = lock_left(request, credentials.get("username") or "")
    text = _("Too many failed logins for this name from here. Try again in %(minutes)s minutes.") % {"minutes": round(left / 60 + 0.5)}
    context = {**admin.site.each_context(request), "title": _("Login locked"), "text": text}
    response = render(request, "admin/accounts/locked.html", context, status=429)
    response["Retry-After"] = str(round(left + 0.5))
    response["Cache-Control"] = "no-store"
    return response
