"""Who may make a call. Which *objects* somebody may touch is decided by the query that finds them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.models import Role, User
from accounts.service_keys import Scope, Service

if TYPE_CHECKING:  # the framework imports these classes while it imports its views
    from rest_framework.views import APIView


class IsPerson(BasePermission):
    """Any user; no service key."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.user, User)


class IsStaff(IsPerson):
    """Staff. A token of the host's login never is: it opens no staff account."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.user, User) and request.user.is_staff


class IsMemberOrAgent(IsPerson):
    """Any user but customers."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.user, User) and request.user.role != Role.CUSTOMER


class IsAgent(IsPerson):
    """Agents."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.user, User) and request.user.role == Role.AGENT


class HasScope(BasePermission):
    """A service key with the subclass's scope."""

    scope: ClassVar[Scope]

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.user, Service) and self.scope in request.user.scopes


class MaySendNotifications(HasScope):
    scope = Scope.NOTIFICATIONS


class MayReportTasks(HasScope):
    scope = Scope.TASKS


class MayMakeUsers(HasScope):
    scope = Scope.USERS
