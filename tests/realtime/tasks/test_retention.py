"""Tasks that ended long ago are forgotten; those that run are not."""

from datetime import timedelta

from django.core.management import call_command
from django.utils import timezone

from realtime.tasks.models import Task


def test_prune_forgets_tasks_that_ended_long_ago_and_no_others(begun, said, capsys):
    old, recent, running = (begun(title=title) for title in ("old", "recent", "running"))
    said(old, status="completed"), said(recent, status="failed")
    Task.objects.filter(pk=old.pk).update(ended_at=timezone.now() - timedelta(days=31))
    Task.objects.filter(pk=running.pk).update(created_at=timezone.now() - timedelta(days=31))
    call_command("prune")
    assert set(Task.objects.filter(owner=old.owner).values_list("title", flat=True)) == {"recent", "running"}
    assert " tasks." in capsys.readouterr().out
