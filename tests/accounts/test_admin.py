"""People and keys in Django's admin, as staff uses it."""

import re

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from accounts.models import Agent, Customer, Revocation, ServiceKey, User
from tests import cast


def browser(user):
    made = Client()
    made.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return made


@pytest.fixture
def desk(admin):
    return browser(admin)


@pytest.fixture
def manager(db):
    """Staff that may manage users, and no more."""
    user = cast.member("manager", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_user", "change_user", "add_user"]))
    return user


def act(desk, model, action, *objects):
    return desk.post(f"/admin/accounts/{model}/", {"action": action, "_selected_action": [each.pk for each in objects]}, follow=True)


def edit(desk, user, **changes):
    """Send the form of a user as the page shows it, changed."""
    shown = desk.get(f"/admin/accounts/user/{user.pk}/change/").context["adminform"].form
    form = {name: shown.get_initial_for_field(field, name) for name, field in shown.fields.items()}
    form = {name: value for name, value in {**form, **changes}.items() if value not in (None, False, [])}
    agent = {"agent-TOTAL_FORMS": 1, "agent-INITIAL_FORMS": 1, "agent-0-user": user.pk, "agent-0-max_sessions": 5} if user.role == "agent" else {}
    return desk.post(f"/admin/accounts/user/{user.pk}/change/", {**form, **agent})


@pytest.mark.parametrize("model", ["user", "customer", "agent", "servicekey", "revocation"])
def test_every_list_opens_and_can_be_searched(desk, model, ann, bob):
    Revocation.objects.revoke([ann.pk])
    ServiceKey.objects.create(name="shop", prefix=f"sk_{ann.pk:09}"[:12], hash="x")
    for query in ("", "?q=a", f"?q={ann.pk}"):
        assert desk.get(f"/admin/accounts/{model}/{query}").status_code == 200


def test_a_user_is_made_and_an_agent_gets_what_agents_have(desk):
    name = cast._unique("made")
    form = {
        "username": name,
        "display_name": "Made",
        "role": "agent",
        "usable_password": "true",
        "password1": "a-Fine-1-indeed",
        "password2": "a-Fine-1-indeed",
    }
    assert desk.post("/admin/accounts/user/add/", form).status_code == 302
    user = User.objects.get(username=name)
    assert user.check_password("a-Fine-1-indeed")
    assert Agent.objects.filter(user=user).exists()


def test_a_changed_role_ends_every_token(desk, mia, api):
    client = api(mia)
    assert edit(desk, mia, role="agent").status_code == 302
    assert User.objects.get(pk=mia.pk).role == "agent"
    assert Agent.objects.filter(user=mia).exists()
    assert client.post("/api/v1/ws/ticket").status_code == 401


def test_a_changed_name_ends_none(desk, bob, api):
    client = api(bob)
    assert edit(desk, bob, display_name="Robert").status_code == 302
    assert User.objects.get(pk=bob.pk).display_name == "Robert"
    assert client.post("/api/v1/ws/ticket").status_code == 201


def test_a_password_set_in_the_admin_ends_every_token(desk, mia, api):
    client = api(mia)
    form = {"usable_password": "true", "password1": "a-Fine-1-indeed", "password2": "a-Fine-1-indeed"}
    assert desk.post(f"/admin/accounts/user/{mia.pk}/password/", form).status_code == 302
    assert User.objects.get(pk=mia.pk).check_password("a-Fine-1-indeed")
    assert client.post("/api/v1/ws/ticket").status_code == 401


def test_whoever_changes_the_own_password_stays_in_the_admin(desk, admin):
    form = {"old_password": cast.PASSWORD, "new_password1": "a-Fine-1-indeed", "new_password2": "a-Fine-1-indeed"}
    assert desk.post("/admin/password_change/", form).status_code == 302
    assert desk.get("/admin/").status_code == 200


def test_people_are_logged_out_everywhere(desk, mia, ann, api):
    clients = [api(mia), api(ann)]
    assert b"2 users are logged out." in act(desk, "user", "log_out_everywhere", mia, ann).content
    assert [client.post("/api/v1/ws/ticket").status_code for client in clients] == [401, 401]
    assert api().post("/api/v1/customers/token", {"customerId": str(ann.customer.public_id), "channel": "WEB"}).status_code == 404


def test_people_are_deactivated_but_never_oneself(desk, admin, mia, api):
    client = api(mia)
    assert b"1 user is deactivated." in act(desk, "user", "deactivate", mia, admin).content
    assert client.post("/api/v1/ws/ticket").status_code == 401
    assert User.objects.get(pk=admin.pk).is_active


def test_a_deleted_user_is_gone_at_once(desk, mia, api):
    client = api(mia)
    assert desk.post(f"/admin/accounts/user/{mia.pk}/delete/", {"post": "yes"}).status_code == 302
    assert client.post("/api/v1/ws/ticket").status_code == 401


def test_a_deleted_agent_or_customer_takes_along_what_is_only_its_own(desk, bob, ann):
    for user in (bob, ann):
        assert desk.post(f"/admin/accounts/user/{user.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not User.objects.filter(pk__in=[bob.pk, ann.pk]).exists()


def test_a_customers_id_is_shown_to_nobody(desk, ann):
    for page in ("/admin/accounts/customer/", f"/admin/accounts/customer/{ann.pk}/change/", f"/admin/accounts/user/{ann.pk}/change/"):
        answer = desk.get(page)
        assert answer.status_code == 200
        assert str(ann.customer.public_id).encode() not in answer.content
    assert desk.get("/admin/accounts/customer/add/").status_code == 403
    assert desk.post(f"/admin/accounts/customer/{ann.pk}/delete/", {"post": "yes"}).status_code == 403
    assert Customer.objects.filter(pk=ann.pk).exists()


def test_a_key_is_shown_once_and_can_be_withdrawn(desk, api):
    assert b'type="checkbox"' in desk.get("/admin/accounts/servicekey/add/").content
    answer = desk.post("/admin/accounts/servicekey/add/", {"name": "The shop", "scopes": ["users", "tasks"]})
    text = re.search(r"sk_[\w-]{40,}", answer.content.decode())[0]
    assert "no-store" in answer["Cache-Control"]
    key = ServiceKey.objects.get(prefix=text[:11])
    assert (key.name, sorted(key.scopes)) == ("The shop", ["tasks", "users"])
    assert api(text).post("/api/v1/users", {"username": "known-to-the-shop", "displayName": ""}).status_code in (200, 201)
    for page in ("/admin/accounts/servicekey/", f"/admin/accounts/servicekey/{key.pk}/change/", "/admin/"):
        assert text[11:].encode() not in desk.get(page).content
    assert desk.post(f"/admin/accounts/servicekey/{key.pk}/change/", {"name": "The old shop", "scopes": ["users"]}).status_code == 302
    assert api(text).post("/api/v1/users", {"username": "known-to-the-shop", "displayName": ""}).status_code == 200
    assert b"1 key is withdrawn." in act(desk, "servicekey", "withdraw", key).content
    assert api(text).post("/api/v1/users", {"username": "known-to-the-shop", "displayName": ""}).status_code == 401


def test_a_key_needs_a_name_and_scopes_that_exist(desk):
    for form in ({"name": "", "scopes": ["users"]}, {"name": "shop"}, {"name": "shop", "scopes": ["everything"]}):
        before = ServiceKey.objects.count()
        assert desk.post("/admin/accounts/servicekey/add/", form).status_code == 200
        assert ServiceKey.objects.count() == before


def test_revocations_can_be_read_only(desk, mia):
    Revocation.objects.revoke([mia.pk])
    line = Revocation.objects.get(user_id=mia.pk)
    assert desk.get("/admin/accounts/revocation/add/").status_code == 403
    assert desk.post(f"/admin/accounts/revocation/{line.pk}/change/", {"version": 0}).status_code == 403
    assert desk.post(f"/admin/accounts/revocation/{line.pk}/delete/", {"post": "yes"}).status_code == 403


def test_whoever_only_manages_users_makes_nobody_more_than_that(manager, admin, mia):
    desk = browser(manager)
    assert edit(desk, mia, is_superuser="on", is_staff="on", display_name="Mia M.").status_code == 302
    mia.refresh_from_db()
    assert (mia.display_name, mia.is_superuser, mia.is_staff) == ("Mia M.", False, False)
    form = {"usable_password": "true", "password1": "a-Fine-1-indeed", "password2": "a-Fine-1-indeed"}
    assert desk.post(f"/admin/accounts/user/{admin.pk}/password/", form).status_code == 404
    assert desk.post(f"/admin/accounts/user/{admin.pk}/change/", {"username": "taken"}).status_code == 302
    assert admin.username.encode() not in desk.get("/admin/accounts/user/").content
    act(desk, "user", "deactivate", admin)
    act(desk, "user", "log_out_everywhere", admin)
    admin.refresh_from_db()
    assert (admin.is_active, admin.token_version, admin.username != "taken", admin.check_password(cast.PASSWORD)) == (True, 0, True, True)


def test_members_and_agents_do_not_get_in(mia, bob):
    for user in (mia, bob):
        assert browser(user).get("/admin/").status_code == 302
