"""The address of the business hours."""

from accounts.routing import route
from realtime.hours import views

urlpatterns = [
    route("api/v1/support/hours", views.HoursView.as_view(), name="support-hours"),
]
