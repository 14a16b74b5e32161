"""What is done to people: customers come and are recognised again, the host's users are made, somebody is logged out."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from accounts import sequences
from accounts.models import Customer, Revocation, Role, User
from accounts.problems import Problem
from accounts.standing import GONE

_TRIES: Final = 3


def make_customer(*, name: str, channel: str, metadata: Mapping[str, Any]) -> Customer:
    """A new anonymous customer."""
    with transaction.atomic():
        return _new_customer(name=name, channel=channel, metadata=metadata)


def make_verified_customer(*, external_id: str, name: str, channel: str, metadata: Mapping[str, Any], anonymous: Customer | None = None) -> Customer:
    """The customer with this proved id, the same one on every device; a new one the first time.

    What the anonymous customer has done becomes its own, and the tokens that the anonymous one had
    are worthless afterwards. Raises Problem (FORBIDDEN) for a deactivated one.
    """
    for attempt in range(1, _TRIES + 1):
        try:
            with transaction.atomic():
                return _verified(external_id=external_id, name=name, channel=channel, metadata=metadata, anonymous=anonymous)
        except IntegrityError:  # somebody else was first, and is found the next time
            if attempt == _TRIES:
                raise
    raise AssertionError("unreachable")


def take_over(*, anonymous: Customer, verified: Customer) -> None:
    """Give the verified customer what the anonymous one has done, and end the anonymous one.

    Each function that `CUSTOMER_TAKE_OVER` names moves the rows of its app:
    it is called with the users `anonymous` and `verified`, in this transaction.
    """
    with transaction.atomic():
        for path in settings.CUSTOMER_TAKE_OVER:
            import_string(path)(anonymous=anonymous.user, verified=verified.user)
        # What is known of the person is the verified one's: who deletes that shall find nothing left here.
        Customer.objects.filter(pk=anonymous.pk).update(logged_out_at=timezone.now(), name="", metadata={})
        User.objects.filter(pk=anonymous.pk).update(is_active=False, display_name="")


def find_customer(*, public_id: str, channel: str) -> Customer | None:
    """The customer with this id who may have a new token. A verified one may come by any channel: it has several devices."""
    try:
        number = uuid.UUID(public_id)
    except ValueError:
        return None
    customers = Customer.objects.select_related("user").filter(user__is_active=True, logged_out_at=None)
    return customers.filter(Q(channel=channel) | Q(external_id__isnull=False), public_id=number).first()


def make_member(*, username: str, display_name: str, id: int | None = None) -> tuple[User, bool]:
    """A user of the host site, and whether it is new. One that is there already gets the new display name.

    Raises Problem (CONFLICT) that names the field when the number or the name is somebody else's.
    """
    for attempt in range(1, _TRIES + 1):
        try:
            with transaction.atomic():
                return _member(username=username, display_name=display_name, id=id)
        except IntegrityError:
            if attempt == _TRIES:
                raise
    raise AssertionError("unreachable")


def log_out(*, user_ids: Sequence[int]) -> None:
    """Log these users out everywhere. Customers cannot come back by their id either: they begin anew."""
    with transaction.atomic():
        Customer.objects.filter(pk__in=user_ids).update(logged_out_at=timezone.now())
        Revocation.objects.revoke(user_ids)


def change_password(*, user: User, new: str) -> None:
    """Set a password, which the caller has validated. All tokens of the user are worthless afterwards."""
    user.set_password(new)
    user.save(update_fields=["password"])


def _new_customer(*, name: str, channel: str, metadata: Mapping[str, Any], external_id: str | None = None) -> Customer:
    user = User(username=f"customer-{uuid.uuid4().hex}", display_name=name, role=Role.CUSTOMER)
    user.set_unusable_password()
    user.save(force_insert=True)
    return Customer.objects.create(user=user, name=name, channel=channel, metadata=metadata, external_id=external_id)


def _verified(*, external_id: str, name: str, channel: str, metadata: Mapping[str, Any], anonymous: Customer | None) -> Customer:
    # The anonymous one may have been taken over while we waited for its row: that happens once.
    wanted = Q(external_id=external_id) | Q(pk=anonymous.pk if anonymous else None, external_id=None, logged_out_at=None)
    rows = Customer.objects.select_for_update().select_related("user").order_by("pk")
    found = {row.external_id: row for row in rows.filter(wanted)}
    verified, unknown = found.get(external_id), found.get(None)
    if verified is None and unknown is None:
        return _new_customer(name=name, channel=channel, metadata=metadata, external_id=external_id)
    if verified is None:
        # The same person from here on. Whoever else knows the anonymous token must not come along.
        verified, unknown = unknown, None
        assert verified is not None  # noqa: S101
        Revocation.objects.revoke([verified.pk])
        verified.user.refresh_from_db()
    if not verified.user.is_active:
        raise Problem("FORBIDDEN")
    if unknown is not None:
        take_over(anonymous=unknown, verified=verified)
    verified.external_id, verified.name, verified.channel, verified.logged_out_at = external_id, name, channel, None
    verified.metadata = dict(metadata) or verified.metadata
    verified.save()
    if verified.user.display_name != name:
        verified.user.display_name = name
        verified.user.save(update_fields=["display_name"])
    return verified


def _member(*, username: str, display_name: str, id: int | None) -> tuple[User, bool]:
    # Asked for by one statement: between two, the same call by somebody else may be done, and what it made would look foreign.
    found = list(User.objects.filter(Q(username=username) | Q(pk=id)))
    named = next((each for each in found if each.username == username), None)
    if named is not None and (named.role == Role.CUSTOMER or id not in (None, named.pk)):
        raise Problem("CONFLICT", errors={"username": [_("Somebody else has this name. Choose another.")]})
    if named is not None:
        if named.display_name != display_name:
            named.display_name = display_name
            named.save(update_fields=["display_name"])
        return named, False
    if found:
        raise Problem("CONFLICT", errors={"id": [_("Somebody with another name has this number. Choose another, or leave it out.")]})
    # Tokens of the user who had it would open the new one's account.
    if id is not None and Revocation.objects.filter(user_id=id, version=GONE.version).exists():
        raise Problem("CONFLICT", errors={"id": [_("A user who was deleted had this number. Choose another, or leave it out.")]})
    user = User(pk=id, username=username, display_name=display_name, role=Role.MEMBER)
    user.set_unusable_password()
    user.save(force_insert=True)
    if id is not None:
        sequences.put_past(User, id)
    return user, True
