"""Several instances of one user: what one has read long ago undoes nothing that was done since."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import DatabaseError, IntegrityError, connection

from accounts.models import Revocation, User


def read(user):
    return User.objects.get(pk=user.pk)


def test_what_was_read_before_a_revocation_does_not_undo_it(mia, api):
    client, early = api(mia), read(mia)
    Revocation.objects.revoke([mia.pk])
    revoked = read(mia)
    early.display_name = "Mia M."
    early.save()
    now = read(mia)
    assert (now.display_name, now.token_version, now.tokens_revoked_at) == ("Mia M.", 1, revoked.tokens_revoked_at)
    assert client.post("/api/v1/ws/ticket").status_code == 401


def test_a_password_that_is_set_in_what_was_read_before_a_revocation_revokes_again(mia, api):
    early = read(mia)
    Revocation.objects.revoke([mia.pk])
    client = api(read(mia))
    early.set_password("another-Long-password-77")
    early.save()
    assert (early.token_version, read(mia).token_version) == (2, 2)
    assert client.post("/api/v1/ws/ticket").status_code == 401
    assert api(early).post("/api/v1/ws/ticket").status_code == 201


def test_of_all_revocations_among_writers_that_have_read_early_none_is_lost(mia):
    early = [read(mia) for _ in range(40)]

    def work(number):
        try:
            if number % 2:
                Revocation.objects.revoke([mia.pk])
            else:
                early[number].display_name = f"Mia {number}"
                early[number].save()
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(40)))
    assert read(mia).token_version == 20


@pytest.mark.parametrize("name", ["is_active", "role"])
def test_what_was_read_before_a_right_was_taken_does_not_give_it_back(bob, api, name):
    early = read(bob)
    User.objects.filter(pk=bob.pk).update(**{name: {"is_active": False, "role": "member"}[name]})
    early.language = "en"
    early.save()
    now = read(bob)
    assert getattr(now, name) != getattr(early, name)
    assert now.language == "en"


def test_a_right_that_is_changed_there_is_written_and_revokes(mia):
    early = read(mia)
    Revocation.objects.revoke([mia.pk])
    early.is_active = False
    early.save()
    now = read(mia)
    assert (now.is_active, now.token_version) == (False, 2)


def test_a_field_that_was_not_read_is_not_written(mia):
    part = User.objects.only("username", "display_name").get(pk=mia.pk)
    User.objects.filter(pk=mia.pk).update(language="en")
    part.display_name = "Mia M."
    part.save()
    assert (read(mia).language, read(mia).display_name) == ("en", "Mia M.")


def test_saving_does_not_bring_a_deleted_user_back(mia, token):
    early, pk = read(mia), mia.pk
    mia.delete()
    with pytest.raises(DatabaseError):
        early.save()
    assert not User.objects.filter(pk=pk).exists()


def test_a_new_user_never_takes_the_place_of_one_that_is_there(mia, eve):
    Revocation.objects.revoke([mia.pk])
    with pytest.raises(IntegrityError):
        User(pk=mia.pk, username=f"not-{mia.username}").save()
    assert (read(mia).username, read(mia).token_version) == (mia.username, 1)


def test_a_right_that_is_written_without_having_been_read_revokes(mia, eve):
    User(pk=mia.pk, is_active=False).save(update_fields=["is_active"])
    assert (read(mia).is_active, read(mia).token_version) == (False, 1)
    User(pk=eve.pk, username=eve.username, role="agent").save(force_update=True)
    assert (read(eve).role, read(eve).token_version) == ("agent", 1)
