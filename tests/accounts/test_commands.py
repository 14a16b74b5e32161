"""The commands that concern people."""

import pytest
from django.core.management import CommandError, call_command

from accounts import tokens
from accounts.models import Agent, User

PEOPLE = ["agent001", "agent002", "mia", "john", "admin"]


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


def test_a_token_for_trying_is_printed_alone(mia, capsys):
    call_command("issue_token", mia.username)
    out = capsys.readouterr().out
    assert tokens.verify(out.strip()).user_id == mia.pk
    assert out == out.strip() + "\n"


def test_for_nobody_there_is_no_token(mia):
    with pytest.raises(CommandError, match="no user"):
        call_command("issue_token", "nobody-at-all")
    User.objects.filter(pk=mia.pk).update(is_active=False)
    with pytest.raises(CommandError, match="not active"):
        call_command("issue_token", mia.username)
