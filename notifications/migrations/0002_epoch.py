from django.db import migrations


def begin(apps, schema_editor):
    apps.get_model("notifications", "Epoch").objects.create()


def end(apps, schema_editor):
    # Going forward again begins another history; with two rows nobody would know which one it is.
    apps.get_model("notifications", "Epoch").objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [("notifications", "0001_initial")]
    operations = [migrations.RunPython(begin, end, elidable=False)]
