"""Who is who: users with a role, what customers and agents have besides, and keys of other programs."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Sequence
from functools import partial
from typing import Any, ClassVar

from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts import groups, standing
from accounts.executor import in_thread
from accounts.standing import Standing

# A change of one of these makes every earlier token of the user worthless.
WATCHED = frozenset({"password", "role", "is_staff", "is_superuser", "is_active"})
# What `Revocations.revoke` counts in the database, and nobody writes from what it has read.
COUNTED = frozenset({"token_version", "tokens_revoked_at"})


class Role(models.TextChoices):
    """What a user is; it decides what its token opens."""

    MEMBER = "member", _("member")
    AGENT = "agent", _("agent")
    CUSTOMER = "customer", _("customer")


class UserQuerySet(models.QuerySet["User"]):
    """Bulk changes revoke tokens as single ones do, so that no way round `save()` leaves a door open."""

    def update(self, **changes: Any) -> int:
        if not WATCHED & changes.keys():
            return super().update(**changes)
        with transaction.atomic():
            ids = self._lock()
            changed = super().update(**changes)
            Revocation.objects.revoke(ids)
        return changed

    def delete(self) -> tuple[int, dict[str, int]]:
        with transaction.atomic():
            ids = self._lock()
            deleted = super().delete()
            Revocation.objects.revoke_deleted(ids)
        return deleted

    delete.queryset_only = True  # type: ignore[attr-defined]  # as Django's own: `User.objects.delete()` would be everybody

    def _lock(self) -> list[int]:
        return list(self.order_by("pk").select_for_update().values_list("pk", flat=True))


class Users(UserManager["User"].from_queryset(UserQuerySet)):  # type: ignore[misc]
    """Django's manager (`create_user` and so on) over our query set."""


class User(AbstractUser):
    """Somebody who is told things: a member of the host site, an agent, or an anonymous customer."""

    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]
    display_name = models.CharField(_("display name"), max_length=100, blank=True, help_text=_("What others see. Empty: the username."))
    role = models.CharField(_("role"), max_length=8, choices=Role.choices, default=Role.MEMBER)
    language = models.CharField(_("language"), max_length=8, default="", blank=True, help_text=_("Of its last Accept-Language."))
    token_version = models.PositiveIntegerField(default=0, editable=False, help_text="Tokens with a lower one are worthless.")
    tokens_revoked_at = models.DateTimeField(null=True, editable=False, help_text="Tokens of the host's login issued before are worthless.")
    deleted_at = models.DateTimeField(null=True, editable=False, help_text="When this person's data was deleted. What is left says nothing of it.")

    objects: ClassVar[Users] = Users()

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")

    def __str__(self) -> str:
        return self.shown_name

    @property
    def shown_name(self) -> str:
        """The name that others see, in the active language where a customer has given none."""
        if self.display_name:
            return self.display_name
        if self.deleted_at is not None:
            return gettext("A deleted account")
        if self.role != Role.CUSTOMER:
            return self.username
        return gettext("Visitor %(number)s") % {"number": self.pk}

    @property
    def standing(self) -> Standing:
        """What decides whether a token of this user still opens anything."""
        revoked_at = self.tokens_revoked_at.timestamp() if self.tokens_revoked_at else 0.0
        return Standing(version=self.token_version, role=self.role, is_staff=self.is_staff, is_active=self.is_active, revoked_at=revoked_at)

    def _get_session_auth_hash(self, secret: str | bytes | None = None) -> str:
        # Being logged out everywhere ends sessions in the admin too.
        return f"{super()._get_session_auth_hash(secret=secret)}{self.token_version}"  # type: ignore[misc]

    @classmethod
    def from_db(cls, db: str | None, field_names: Iterable[str], values: Iterable[Any]) -> User:
        user = super().from_db(db, field_names, values)  # type: ignore[arg-type]
        user._loaded = user._watch()
        return user

    _loaded: dict[str, Any] | None = None  # what the database held when this was read; None: it was not

    def _watch(self, names: Collection[str] | None = None) -> dict[str, Any]:
        return {name: self.__dict__[name] for name in WATCHED if name in self.__dict__ and (names is None or name in names)}

    def refresh_from_db(self, using: str | None = None, fields: Iterable[str] | None = None, from_queryset: Any = None) -> None:
        names = None if fields is None else list(fields)
        super().refresh_from_db(using=using, fields=names, from_queryset=from_queryset)
        self._loaded = {**(self._loaded or {}), **self._watch(names)}

    def save(self, **kwargs: Any) -> None:
        """Save, and make earlier tokens worthless if the role, a right or the password changed.

        What others may have changed since this was read is left as it is: the revocations, and the
        rights that are not changed here. A new user never takes the place of one that is there.
        """
        fields, new = kwargs.get("update_fields"), False
        if fields is None and not kwargs.get("force_update") and (self._state.adding or self.pk is None):
            kwargs["force_insert"] = new = kwargs.get("force_insert") or True
        elif fields is None and not kwargs.get("force_insert"):
            fields = kwargs["update_fields"] = self._own_to_write()
        saved = self._watch(fields)
        changed = not new and not saved.items() <= (self._loaded or {}).items()
        with transaction.atomic():
            super().save(**kwargs)
            if changed:
                Revocation.objects.revoke([self.pk])
                self.refresh_from_db(fields=COUNTED)
        self._loaded = {**(self._loaded or {}), **saved}

    def check_password(self, raw_password: str) -> bool:
        """Whether this is the password. Renews a hash that an older hasher has made."""
        return check_password(raw_password, self.password, self._renew_hash)

    async def acheck_password(self, raw_password: str) -> bool:
        return await in_thread(self.check_password, raw_password)

    def _renew_hash(self, raw_password: str) -> None:
        hash = make_password(raw_password)
        # Past `save`, because nobody is to be thrown out for it; and not over a password that was changed meanwhile.
        if User._base_manager.filter(pk=self.pk, password=self.password).update(password=hash):
            self.password = hash
            self._loaded = {**(self._loaded or {}), "password": hash}

    def _own_to_write(self) -> list[str]:
        unchanged = {name for name, value in self._watch().items() if (name, value) in (self._loaded or {}).items()}
        left = {self._meta.pk.attname, *COUNTED, *unchanged, *self.get_deferred_fields()}
        return [field.attname for field in self._meta.concrete_fields if field.attname not in left]

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        pk = self.pk
        with transaction.atomic():
            deleted = super().delete(*args, **kwargs)
            Revocation.objects.revoke_deleted([pk])
        return deleted


class Customer(models.Model):
    """What a visitor of a shop has besides its user.

    `public_id` is its only secret while it is anonymous: shown to nobody but the customer itself.
    """

    user = models.OneToOneField(User, models.CASCADE, primary_key=True, related_name="customer")
    public_id = models.UUIDField(_("public id"), default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(_("name"), max_length=100, blank=True)
    channel = models.CharField(_("channel"), max_length=20)
    metadata = models.JSONField(_("metadata"), default=dict, blank=True)
    external_id = models.CharField(_("external id"), max_length=200, null=True, blank=True, unique=True, help_text=_("The host site's own id, once proved."))
    logged_out_at = models.DateTimeField(_("logged out"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now)

    class Meta:
        verbose_name = _("customer")
        verbose_name_plural = _("customers")

    def __str__(self) -> str:
        return self.name or self.user.shown_name


class Agent(models.Model):
    """What an agent has besides its user."""

    user = models.OneToOneField(User, models.CASCADE, primary_key=True, related_name="agent")
    max_sessions = models.PositiveSmallIntegerField(_("sessions at once"), default=5)

    class Meta:
        verbose_name = _("agent")
        verbose_name_plural = _("agents")

    def __str__(self) -> str:
        return self.user.shown_name


class ServiceKey(models.Model):
    """A program that may call REST. The key itself is shown once; only its hash is kept."""

    name = models.CharField(_("name"), max_length=100)
    prefix = models.CharField(_("prefix"), max_length=12, unique=True, editable=False)
    hash = models.CharField(max_length=64, editable=False)
    scopes = models.JSONField(_("scopes"), default=list)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True, editable=False)
    withdrawn_at = models.DateTimeField(_("withdrawn"), null=True, blank=True)

    class Meta:
        verbose_name = _("service key")
        verbose_name_plural = _("service keys")

    def __str__(self) -> str:
        return self.name


class SpentRefresh(models.Model):
    """A refresh token that was used, and so is dead. Kept in the database, so that no loss of Redis revives it."""

    jti = models.CharField(max_length=32, unique=True)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.jti


class Revocations(models.Manager["Revocation"]):
    """The one way to make tokens worthless."""

    def revoke(self, user_ids: Sequence[int]) -> None:
        """Make every token that these users hold worthless, in REST and, after commit, on live sockets."""
        with transaction.atomic():
            User.objects.filter(pk__in=user_ids).update(token_version=F("token_version") + 1, tokens_revoked_at=timezone.now())
            standings = {user.pk: user.standing for user in User.objects.filter(pk__in=user_ids)}
            self._record(standings)

    def revoke_deleted(self, user_ids: Sequence[int]) -> None:
        """The same for users whose rows are gone."""
        with transaction.atomic():
            self._record(dict.fromkeys(user_ids, standing.GONE))

    def _record(self, standings: dict[int, Standing]) -> None:
        self.bulk_create(Revocation(user_id=user_id, version=each.version) for user_id, each in standings.items())
        transaction.on_commit(partial(_tell_revoked, standings), robust=True)


def _tell_revoked(standings: dict[int, Standing]) -> None:
    """Make it fast; the lines in the table make it sure."""
    standing.put(standings)
    groups.publish(
        (groups.user_group(user_id), {"type": "standing.changed", "version": each.version, "at": each.revoked_at}) for user_id, each in standings.items()
    )


class Revocation(models.Model):
    """One line for each time that a user's tokens were made worthless.

    Workers read the lines of the last seconds: a message over Redis only makes it faster. The user
    may be gone, so this is no foreign key. Old lines are pruned.
    """

    user_id = models.BigIntegerField(db_index=True)
    version = models.BigIntegerField(help_text="The lowest version that still opens.")
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    objects: ClassVar[Revocations] = Revocations()

    def __str__(self) -> str:
        return f"{self.user_id} below {self.version}"
