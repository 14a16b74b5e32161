"""The commands that concern people."""

import re
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts import tokens
from accounts.models import User


def test_a_token_for_trying_is_printed_alone(mia, capsys):
    call_command("issue_token", mia.username)
    out, err = capsys.readouterr()
    assert "Good until" in err
    assert tokens.verify(out.strip()).user_id == mia.pk
    assert out == out.strip() + "\n"


def test_for_nobody_there_is_no_token(mia):
    with pytest.raises(CommandError, match="no user"):
        call_command("issue_token", "nobody-at-all")
    User.objects.filter(pk=mia.pk).update(is_active=False)
    with pytest.raises(CommandError, match="not active"):
        call_command("issue_token", mia.username)


def test_sessions_of_the_admin_that_have_ended_are_forgotten_and_others_are_not(db, capsys):
    for key, days in (("ended", -1), ("lasting", 1)):
        Session.objects.update_or_create(session_key=key, defaults={"session_data": "", "expire_date": timezone.now() + timedelta(days=days)})
    call_command("prune")
    assert re.search(r"[1-9]\d* sessions of the admin", capsys.readouterr().out)
    assert list(Session.objects.filter(session_key__in=["ended", "lasting"]).values_list("session_key", flat=True)) == ["lasting"]
