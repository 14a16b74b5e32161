"""What is done about customers: they leave an address, and agents look at them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet

from accounts.models import Customer, Role, User
from notifications.transactions import retried
from realtime.chat.locking import locked
from realtime.chat.models import Session
from realtime.chat.sessions import ACTIVE, visible_to
from realtime.chat.telling import Telling
from realtime.desk.models import Contact


@retried
def describe(*, customer_id: int, name: str | None = None, metadata: Mapping[str, Any] | None = None) -> Customer:
    """Who a customer says it is, now; None leaves that as it was. Whoever it writes with is told a new name."""
    customer = Customer.objects.select_for_update(of=("self",)).select_related("user").get(pk=customer_id)
    sessions = locked(Session.objects.filter(customer=customer_id, status__in=ACTIVE))
    renamed = name is not None and name != customer.name
    if metadata is not None:
        customer.metadata = dict(metadata)
    if name is not None:
        customer.name = customer.user.display_name = name
    customer.save(update_fields=["name", "metadata"])
    if renamed:
        customer.user.save(update_fields=["display_name"])
        telling = Telling()
        for session in sessions:
            session.customer.display_name = customer.name
            telling.session(session, "renamed")
        telling.send()
    return customer


def leave_email(*, customer: User, email: str) -> None:
    """Keep where a customer's answers are mailed. Another address than before has not been mailed anything yet."""
    _contact, new = Contact.objects.get_or_create(customer=customer, defaults={"email": email})
    if not new:
        fresh = {"mailed_at": None, "mailed_up_to": 0, "read_then": 0, "tries": 0, "retry_at": None}
        Contact.objects.filter(customer=customer).exclude(email=email).update(email=email, **fresh)


def forget_email(*, customer: User) -> None:
    """Forget it."""
    Contact.objects.filter(customer=customer).delete()


def take_over(*, anonymous: User, verified: User) -> None:
    """The address that an anonymous customer left becomes the verified one's, unless that one has left one."""
    if Contact.objects.filter(customer=verified).exists():
        Contact.objects.filter(customer=anonymous).delete()
    else:
        Contact.objects.filter(customer=anonymous).update(customer=verified)


def customers_for(user: User) -> QuerySet[Customer]:
    """Staff sees every customer, an agent those whose session it has, had or may see in the queue; others see none."""
    found = Customer.objects.select_related("user__block", "user__contact")
    if user.is_staff:
        return found
    if user.role != Role.AGENT:
        return found.none()
    return found.filter(user__in=visible_to(user).order_by().values("customer"))
