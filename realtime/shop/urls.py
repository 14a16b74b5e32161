"""Addresses of the demo, and the first page."""

from accounts.routing import route
from realtime.shop import views

urlpatterns = [
    route("", views.home, name="home"),
    route("member", views.member, name="demo-member"),
    route("demo/people", views.PeopleView.as_view(), name="demo-people"),
    route("demo/tasks", views.TasksView.as_view(), name="demo-tasks"),
]
