"""The addresses of what an agent needs, and of a customer's e-mail."""

from accounts.routing import route
from realtime.desk import views

urlpatterns = [
    route("api/v1/support/canned-replies", views.RepliesView.as_view(), name="canned-replies"),
    route("api/v1/support/customers/<int:user_id>", views.CardView.as_view(), name="support-customer"),
    route("api/v1/support/customers/<int:user_id>/block", views.BlockView.as_view(), name="support-block"),
    route("api/v1/support/search", views.SearchView.as_view(), name="support-search"),
    route("api/v1/support/agents", views.AgentsView.as_view(), name="support-agents"),
    route("api/v1/support/settings", views.SettingsView.as_view(), name="support-settings"),
    route("api/v1/support/me", views.MeView.as_view(), name="support-me"),
    route("api/v1/support/email", views.EmailView.as_view(), name="support-email"),
    route("api/v1/support/figures", views.FiguresView.as_view(), name="support-figures"),
]
