from django.apps import AppConfig


class PresenceConfig(AppConfig):
    name = "realtime.presence"
    label = "presence"
