"""Every HTTP address, by app."""

from django.contrib import admin
from django.urls import include, path

from accounts.problems import nothing_here
from accounts.routing import route
from config import api_docs

handler400 = "accounts.problems.bad_request"
handler403 = "accounts.problems.permission_denied"
handler404 = "accounts.problems.page_not_found"
handler500 = "accounts.problems.server_error"

urlpatterns = [
    path("", include("accounts.urls")),
    path("", include("notifications.urls")),
    path("", include("realtime.urls")),
    path("", include("realtime.shop.urls")),
    path("", include("realtime.presence.urls")),
    path("", include("realtime.chat.urls")),
    path("", include("realtime.hours.urls")),
    path("", include("realtime.desk.urls")),
    path("", include("realtime.tasks.urls")),
    path("admin/", admin.site.urls),
    route("api/schema", api_docs.document, name="schema"),
    route("api/docs", api_docs.reader, name="docs"),
    path("api/<path:rest>", nothing_here),
]
