from django.apps import AppConfig


class ChatConfig(AppConfig):
    name = "realtime.chat"
    verbose_name = "Chat"
