"""Who may make a call. Which *objects* somebody may touch is decided by the query that finds them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.models import Role, User
from accounts.service_keys import Scope, Service

if TYPE_CHECKING:  # the framework imports these classes while it imports its views
    from rest_framework.views import APIView


USER_TOKEN: Final = "userToken"  # noqa: S105 - how it is called, not one
CUSTOMER_TOKEN: Final = "customerToken"  # noqa: S105
SERVICE_KEY: Final = "serviceKey"


class IsPerson(BasePermission):
    """Any user; no service key.

    `credentials` are the kinds with which a permission may be had, as the API's description names them.
    """

    credentials: ClassVar[tuple[str, ...]] = (USER_TOKEN, CUSTOMER_TOKEN)

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.user, User)


class IsStaff(IsPerson):
    """Staff. A token of the host's login never is: it opens no staff account."""

    credentials = (USER_TOKEN,)

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.user, User) and request.user.is_staff


class IsMemberOrAgent(IsPerson):
    """Any user but customers."""

    credentials = (USER_TOKEN,)

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.user, User) and request.user.role != Role.CUSTOMER


class IsAgent(IsPerson):
    """Agents."""

    credentials = (USER_TOKEN,)

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.user, User) and request.user.role == Role.AGENT


class HasScope(BasePermission):
    """A service key with the subclass's scope."""

    credentials: ClassVar[tuple[str, ...]] = (SERVICE_KEY,)
    scope: ClassVar[Scope]

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.user, Service) and self.scope in request.user.scopes


class MaySendNotifications(HasScope):
    """Service keys with the scope `notifications`."""

    scope = Scope.NOTIFICATIONS


class MayReportTasks(HasScope):
    """Service keys with the scope `tasks`."""

    scope = Scope.TASKS


class MayMakeUsers(HasScope):
    """Service keys with the scope `users`."""

    scope = Scope.USERS
