"""The addresses of what people write to each other."""

from accounts.routing import route
from realtime.chat import views

urlpatterns = [
    route("api/v1/direct/<int:user_id>/messages", views.DirectMessagesView.as_view(), name="direct-messages"),
]
