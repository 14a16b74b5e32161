"""Every HTTP address, by app."""

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from accounts.routing import route

urlpatterns = [
    path("", include("accounts.urls")),
    path("", include("notifications.urls")),
    path("", include("realtime.urls")),
    path("admin/", admin.site.urls),
    route("api/schema", SpectacularAPIView.as_view(), name="schema"),
    route("api/docs", SpectacularSwaggerView.as_view(url_name="schema"), name="docs"),
]
