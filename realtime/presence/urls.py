"""The addresses of presence."""

from accounts.routing import route
from realtime.presence import views

urlpatterns = [
    route("api/v1/online", views.OnlineView.as_view(), name="online"),
    route("api/v1/online/count", views.CountView.as_view(), name="online-count"),
    route("api/v1/status/<int:user_id>", views.StatusView.as_view(), name="status"),
    route("api/ws/stats", views.ConnectionsView.as_view(), name="ws-stats"),
]
