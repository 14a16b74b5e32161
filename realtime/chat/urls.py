"""The addresses of what people write to each other, and of support sessions."""

from accounts.routing import route
from realtime.chat import direct_views, views

SESSION = "api/v1/sessions/<uuid:session_id>"

urlpatterns = [
    route("api/v1/direct/<int:user_id>/messages", direct_views.DirectMessagesView.as_view(), name="direct-messages"),
    route("api/v1/sessions", views.SessionsView.as_view(), name="sessions"),
    route(SESSION, views.SessionView.as_view(), name="session"),
    route(f"{SESSION}/messages", views.MessagesView.as_view(), name="session-messages"),
    route(f"{SESSION}/claim", views.ClaimView.as_view(), name="session-claim"),
    route(f"{SESSION}/transfer", views.TransferView.as_view(), name="session-transfer"),
    route(f"{SESSION}/close", views.CloseView.as_view(), name="session-close"),
    route(f"{SESSION}/read", views.ReadView.as_view(), name="session-read"),
    route(f"{SESSION}/rate", views.RateView.as_view(), name="session-rate"),
    route("api/v1/offline-messages/unread-count", views.UnreadView.as_view(), name="offline-messages-unread"),
    route("api/v1/offline-messages/sessions/<uuid:session_id>/mark-read", views.MarkReadView.as_view(), name="offline-messages-read"),
]
