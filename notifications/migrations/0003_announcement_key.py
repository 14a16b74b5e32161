import uuid

from django.db import migrations, models

HELP = "Named by who sends, so that sending again is no second announcement."


def draw(apps, schema_editor):
    """Give each announcement that is there a key of its own: the field's default is drawn once for all of them."""
    announcements = apps.get_model("notifications", "Announcement").objects
    for number in announcements.values_list("pk", flat=True).iterator():
        announcements.filter(pk=number).update(key=uuid.uuid4())


class Migration(migrations.Migration):
    dependencies = [("notifications", "0002_epoch")]
    operations = [
        migrations.AddField("announcement", "key", models.UUIDField(default=uuid.uuid4, editable=False, help_text=HELP, null=True)),
        migrations.RunPython(draw, migrations.RunPython.noop),
        migrations.AlterField("announcement", "key", models.UUIDField(default=uuid.uuid4, editable=False, help_text=HELP, unique=True)),
        migrations.AddField(
            "announcement",
            "translations",
            models.JSONField(blank=True, default=dict, editable=False, help_text="Title and message by language, where they differ."),
        ),
    ]
