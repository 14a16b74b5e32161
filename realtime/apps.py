from django.apps import AppConfig
from django.core.checks import Tags, register

from realtime.checks.deployment import check_deployment


class RealtimeConfig(AppConfig):
    name = "realtime"
    verbose_name = "Realtime"

    def ready(self) -> None:
        register(check_deployment, Tags.security, deploy=True)
