"""The addresses of tasks."""

from accounts.routing import route
from realtime.tasks import views

urlpatterns = [
    route("api/v1/tasks", views.TasksView.as_view(), name="tasks"),
    route("api/v1/tasks/<str:task_id>", views.TaskView.as_view(), name="task"),
    route("api/v1/tasks/<str:task_id>/cancel", views.CancelView.as_view(), name="task-cancel"),
]
