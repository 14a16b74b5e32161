"""What `createdemo` leaves for a newcomer. That it fills an empty database is in `test_make_run`."""

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Agent, User
from notifications.models import Notification
from realtime import demo
from realtime.chat.models import Session
from realtime.demo import PEOPLE
from tests.realtime.chat.floor import reasons


@pytest.fixture
def nobody(db):
    yield
    User.objects.filter(username__in=PEOPLE).delete()


def test_the_demos_people_are_made_once(nobody, settings, capsys):
    settings.DEBUG = True
    call_command("createdemo")
    assert "password123" in capsys.readouterr().out
    people = {user.username: user for user in User.objects.filter(username__in=PEOPLE)}
    assert sorted(people) == sorted(PEOPLE)
    assert [people[name].role for name in PEOPLE] == ["agent", "agent", "member", "member", "member"]
    assert [name for name in PEOPLE if people[name].is_staff] == ["admin"]
    assert people["admin"].is_superuser
    assert all(user.check_password("password123") for user in people.values())
    assert Agent.objects.filter(user__username__in=PEOPLE).count() == 2
    people["mia"].set_password("another one")
    people["mia"].save()
    call_command("createdemo")
    assert "already" in capsys.readouterr().out
    assert User.objects.get(username="mia").check_password("another one")


def test_where_it_is_no_trial_the_demo_must_be_forced(nobody, settings):
    settings.DEBUG = False
    with pytest.raises(CommandError, match="--force"):
        call_command("createdemo")
    assert not User.objects.filter(username="agent001").exists()
    call_command("createdemo", "--force")
    assert User.objects.filter(username="agent001").exists()


def test_mia_has_something_to_read_and_has_it_once(nobody, settings):
    settings.DEBUG = True
    call_command("createdemo")
    own = Notification.objects.filter(user__username="mia").order_by("-created_at")
    assert [each.status for each in own] == ["unread", "unread", "read", "read"]
    call_command("createdemo")
    assert own.count() == 4


def test_the_agents_have_a_past_a_present_and_somebody_who_waits(nobody, settings):
    demo.make_people()
    before = set(Session.objects.values_list("pk", flat=True))
    demo._make_sessions()
    waiting, present, past = Session.objects.exclude(pk__in=before).order_by("-opened_at")
    assert [each.status for each in (past, present, waiting)] == ["closed", "open", "waiting"]
    assert (past.rating, past.agent.username, present.agent.username, waiting.agent) == (5, "agent001", "agent001", None)
    assert 30 < (past.answered_at - past.opened_at).total_seconds() < 90
    assert [each.is_note for each in past.messages.order_by("order")].count(True) == 1
    assert reasons(past.customer) == ["opened", "assigned", "closed", "rated"]
    assert present.owed_since is None, "or it would go back into the queue, as its agent is not here"
    waiting.delete()
