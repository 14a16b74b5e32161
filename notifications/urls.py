"""The addresses of notifications."""

from accounts.routing import route
from notifications import views

urlpatterns = [
    route("api/v1/notifications", views.NotificationsView.as_view(), name="notifications"),
    route("api/v1/notifications/read-all", views.ReadAllView.as_view(), name="notifications-read-all"),
    route("api/v1/notifications/preferences", views.PreferencesView.as_view(), name="notification-preferences"),
    route("api/v1/notifications/<int:pk>", views.NotificationView.as_view(), name="notification"),
]
