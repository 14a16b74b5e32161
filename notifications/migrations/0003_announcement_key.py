import uuid

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notifications", "0002_epoch")]
    operations = [
        migrations.AddField(
            "announcement",
            "key",
            models.UUIDField(default=uuid.uuid4, editable=False, help_text="Named by who sends, so that sending again is no second announcement.", unique=True),
        ),
        migrations.AddField(
            "announcement",
            "translations",
            models.JSONField(blank=True, default=dict, editable=False, help_text="Title and message by language, where they differ."),
        ),
    ]
