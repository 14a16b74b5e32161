"""The commands that concern people."""

import pytest
from django.core.management import CommandError, call_command

from accounts import tokens
from accounts.models import User


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
