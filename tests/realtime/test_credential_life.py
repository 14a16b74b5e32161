"""What happens to an open socket when its credential ends, on every worker."""

import time
from datetime import timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from django.utils import timezone
from rest_framework_simplejwt.tokens import AccessToken

from accounts.models import Revocation, Role, User
from accounts.redis import client
from accounts.tokens import sign
from tests.servers.waiting import until
from tests.sockets import connect, ending

BELL = "/api/ws/notifications"
IN_TIME = 2.0  # seconds within which a revocation must reach every socket


def on_both_workers(server, bearer):
    """Two open sockets of one user, on different workers."""
    sockets = {}
    for _ in range(400):  # whichever worker is awake first accepts, so one of them may be the first many times
        socket = connect(server.ws_url + BELL, token=bearer, new=True)
        worker = socket.until("connected")["data"]["connection_id"].split("-")[0]
        if worker in sockets:
            socket.close()
        sockets.setdefault(worker, socket)
        if len(sockets) == 2:
            return list(sockets.values())
    raise AssertionError(f"only worker {set(sockets)} ever answered")


def short_lived(user, *, seconds):
    """A token that SimpleJWT would issue, but for its life."""
    token = AccessToken()
    token.set_exp(lifetime=timedelta(seconds=seconds))
    return sign(token, user)


def assert_signed_out(sockets):
    began = time.monotonic()
    for socket in sockets:
        error = socket.until("error")
        assert (error["error_code"], error["close_code"], error["reconnect"]) == ("SESSION_REVOKED", 4410, False)
        assert socket.ended() == 4410
    assert time.monotonic() - began < IN_TIME


def deactivate(user):
    user.is_active = False
    user.save()


def promote(user):
    user.role = Role.AGENT
    user.save()


def change_password(user):
    user.set_password("another-Tr0ub4dor")
    user.save()


@pytest.mark.parametrize("ends", [deactivate, promote, change_password, lambda user: user.delete(), lambda user: User.objects.filter(pk=user.pk).delete()])
def test_sockets_on_both_workers_end_when_the_token_becomes_worthless(server, mia, eve, token, ends):
    hers = on_both_workers(server, token(mia))
    with connect(server.ws_url + BELL, token=token(eve)) as other:
        other.until("connected")
        ends(User.objects.get(pk=mia.pk))
        assert_signed_out(hers)
        other.sync()
        assert other.code is None


def test_logging_out_over_rest_ends_the_sockets(server, mia, token, api):
    hers = on_both_workers(server, token(mia))
    assert api(mia).post("/api/v1/logout").status_code == 204
    assert_signed_out(hers)


def test_a_redis_that_comes_back_with_old_copies_lets_nobody_in(server, mia, token):
    bearer, old = token(mia), mia.standing
    Revocation.objects.revoke([mia.pk])
    # An hour ago, so that the keepers look at it no more.
    Revocation.objects.filter(user_id=mia.pk).update(created_at=timezone.now() - timedelta(hours=1))

    def let_in_by_redis():
        """The end of a socket that an old copy opened; None if a keeper, still about it, was faster."""
        client().set(f"switchboard:standing:{mia.pk}", old.encode())  # as from a snapshot, or a replica that lagged behind
        end = ending(server.ws_url + BELL, token=bearer, new=True)
        assert [frame["type"] for frame in end.frames] == ["error"]
        return end if end.frames[0]["error_code"] != "TOKEN_EXPIRED" else None

    end = until(let_in_by_redis, what="an old copy lets it in")
    assert (end.frames[0]["error_code"], end.code) == ("SESSION_REVOKED", 4410)
    assert ending(server.ws_url + BELL, token=bearer, new=True).code == 4001


def test_a_token_that_runs_out_is_announced_and_then_ends_the_socket(server, mia):
    with connect(server.ws_url + BELL, token=short_lived(mia, seconds=3), new=True) as socket:
        socket.until("connected")
        assert socket.until("token_expiring")["data"]["expires_at"].endswith("Z")
        error = socket.until("error")
        assert (error["error_code"], error["close_code"], error["reconnect"]) == ("TOKEN_EXPIRED", 4001, True)
        assert socket.ended() == 4001


def test_a_socket_lives_on_with_a_renewed_token(server, mia, token):
    with connect(server.ws_url + BELL, token=short_lived(mia, seconds=3), new=True) as socket:
        socket.until("connected")
        socket.until("token_expiring")
        socket.send({"type": "auth", "token": token(mia)})
        beats = socket.take(2, "heartbeat")  # two of them take longer than the first token lived
        assert len(beats) == 2
        assert socket.code is None


def test_a_token_of_somebody_else_or_of_nobody_renews_nothing(server, mia, eve, token):
    with connect(server.ws_url + BELL, token=token(mia), new=True) as socket:
        socket.until("connected")
        socket.send({"type": "auth", "token": token(eve)})
        assert socket.until("error")["error_code"] == "FORBIDDEN"
        socket.send({"type": "auth", "token": "nonsense"})
        assert socket.until("error")["error_code"] == "TOKEN_EXPIRED"
        socket.sync()
        assert socket.code is None


def test_a_host_whose_keys_cannot_be_had_is_no_fault_of_its_users(servers, mia):
    signing = ec.generate_private_key(ec.SECP256R1())
    now = int(time.time())
    bearer = jwt.encode({"user_id": mia.pk, "iat": now, "exp": now + 600}, signing, algorithm="ES256", headers={"kid": "one"})
    with servers.serve(env={"JWT_JWK_URL": "http://127.0.0.1:9/keys"}) as server:  # the discard port: nobody listens
        refused = ending(server.ws_url + BELL, token=bearer, new=True)
    assert (refused.frames[0]["error_code"], refused.code) == ("DEPENDENCY_DOWN", 4103)
