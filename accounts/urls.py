"""Addresses about identity."""

from django.views.generic import RedirectView

from accounts import views
from accounts.routing import route

urlpatterns = [
    route("api/v1/customers", views.CustomersView.as_view(), name="customers"),
    route("api/v1/customers/token", views.CustomerTokenView.as_view(), name="customer-token"),
    route("api/v1/public/login", views.LoginView.as_view(), name="public-login"),
    route("api/v1/token", views.PairView.as_view(), name="token"),
    route("api/v1/token/refresh", views.RefreshView.as_view(), name="token-refresh"),
    route("api/v1/logout", views.LogoutView.as_view(), name="logout"),
    route("api/v1/password", views.PasswordView.as_view(), name="password"),
    route("api/v1/ws/ticket", views.TicketView.as_view(), name="ws-ticket"),
    route("api/v1/users", views.UsersView.as_view(), name="users"),
    # An old console sends its agents here. Nothing of the query goes along.
    route("login", RedirectView.as_view(url="/console/"), name="login"),
]
