from django.apps import AppConfig


class DeskConfig(AppConfig):
    name = "realtime.desk"
    label = "desk"
    verbose_name = "Desk"
