"""Keys of other programs."""

from datetime import timedelta

from django.utils import timezone

from accounts import service_keys
from accounts.models import ServiceKey


def call(api, text):
    return api(text).post("/api/v1/users", {"username": "known-to-the-key", "displayName": ""}).status_code


def test_a_key_is_kept_as_a_hash_only(db):
    key, text = service_keys.make(name="shop", scopes=["users"])
    kept = ServiceKey.objects.filter(pk=key.pk).values().get()
    assert text.startswith("sk_")
    assert len(text) > 50
    secret = text.removeprefix(kept["prefix"])
    assert len(secret) == 43
    assert not any(secret in str(value) for value in kept.values())


def test_every_key_is_another(db):
    assert len({service_keys.make(name="shop", scopes=[])[1] for _ in range(20)}) == 20


def test_a_key_opens_until_it_is_withdrawn(api):
    key, text = service_keys.make(name="shop", scopes=["users"])
    assert call(api, text) in (200, 201)
    ServiceKey.objects.filter(pk=key.pk).update(withdrawn_at=timezone.now())
    assert call(api, text) == 401


def test_a_key_that_is_nearly_right_opens_nothing(api):
    key, text = service_keys.make(name="shop", scopes=["users"])
    for wrong in (text[:-1], text + "x", text.upper(), key.prefix, f"{key.prefix}{key.hash}", "sk_", f"{text[:-1]}é"):
        assert call(api, wrong) == 401


def test_a_key_is_nobody_and_opens_nothing_of_a_persons(api):
    _key, text = service_keys.make(name="shop", scopes=["notifications", "tasks", "users"])
    for path in ("/api/v1/logout", "/api/v1/password", "/api/v1/ws/ticket"):
        assert api(text).post(path, {}).status_code == 403


def test_its_last_use_is_noted_but_not_each(api):
    key, text = service_keys.make(name="shop", scopes=["users"])
    call(api, text)
    key.refresh_from_db()
    first = key.last_used_at
    assert timezone.now() - first < timedelta(minutes=1)
    call(api, text)
    key.refresh_from_db()
    assert key.last_used_at == first
    ServiceKey.objects.filter(pk=key.pk).update(last_used_at=first - timedelta(hours=1))
    call(api, text)
    key.refresh_from_db()
    assert key.last_used_at > first
