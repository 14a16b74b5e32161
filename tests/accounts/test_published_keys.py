"""Tokens of the host site's own login, under keys that it publishes."""

import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings as django_settings
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from jwt.utils import base64url_encode

from accounts import host_login, jwks, tokens
from accounts.claims import KeysUnavailable, TokenRefused
from tests.accounts.host_payload import payload


class Host:
    """A host site that publishes its keys at `url`, on a real server. `broken` makes it fail, `asked` counts."""

    def __init__(self):
        self.keys, self.broken, self.asked = {}, False, 0
        host = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                host.asked += 1
                body = json.dumps({"keys": list(host.keys.values())}).encode()
                self.send_response(500 if host.broken else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/keys"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def publish(self, kid, key, algorithm, name):
        self.keys[kid] = {**json.loads(algorithm.to_jwk(key.public_key())), "kid": kid, "alg": name, "use": "sig"}

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def rsa_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def host(rsa_key, options):
    host = Host()
    host.publish("one", rsa_key, RSAAlgorithm, "RS256")
    options(jwt_jwk_url=host.url, jwt_jwk_timeout=1.0)
    yield host
    host.close()


async def test_a_token_under_a_published_key_opens_and_the_keys_are_fetched_once(mia, host, rsa_key):
    text = jwt.encode(payload(mia), rsa_key, algorithm="RS256", headers={"kid": "one"})
    for _ in range(5):
        assert (await tokens.averify(text)).user_id == mia.pk
        assert tokens.verify(text).user_id == mia.pk
    assert host.asked == 1


@pytest.mark.parametrize(
    ("make", "algorithm", "name"),
    [(lambda: ec.generate_private_key(ec.SECP256R1()), ECAlgorithm, "ES256"), (ed25519.Ed25519PrivateKey.generate, OKPAlgorithm, "EdDSA")],
    ids=["ES256", "EdDSA"],
)
def test_other_kinds_of_public_keys_are_understood(mia, host, make, algorithm, name):
    key = make()
    host.publish("two", key, algorithm, name)
    assert tokens.verify(jwt.encode(payload(mia), key, algorithm=name, headers={"kid": "two"})).user_id == mia.pk


def test_a_public_key_is_no_shared_key(mia, host, rsa_key):
    pem = rsa_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for key in (pem, json.dumps(host.keys["one"]).encode(), host.keys["one"]["n"].encode()):
        # By hand, because the library refuses to sign such a thing.
        body = b".".join(base64url_encode(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT", "kid": "one"}, payload(mia)))
        forged = body + b"." + base64url_encode(hmac.digest(key, body, "sha256"))
        with pytest.raises(TokenRefused):
            tokens.verify(forged.decode())


def test_a_shared_key_among_the_published_ones_is_not_used(mia, host):
    host.keys["oct"] = {"kty": "oct", "kid": "oct", "alg": "HS256", "k": "c2hhcmVkIGFuZCBsb25nIGVub3VnaCBmb3IgdGhpcy4"}
    forged = jwt.encode(payload(mia), b"shared and long enough for this.", algorithm="HS256", headers={"kid": "oct"})
    with pytest.raises(TokenRefused):
        tokens.verify(forged)


@pytest.mark.parametrize("headers", [{}, {"kid": "unknown"}, {"kid": "x" * 5000}], ids=["no name", "unknown", "long"])
def test_a_token_under_a_key_that_is_not_published_is_refused(mia, host, rsa_key, headers):
    with pytest.raises(TokenRefused):
        tokens.verify(jwt.encode(payload(mia), rsa_key, algorithm="RS256", headers=headers))


async def test_made_up_key_names_do_not_make_us_hammer_the_host(mia, host, rsa_key):
    for number in range(20):
        with pytest.raises(TokenRefused):
            await tokens.averify(jwt.encode(payload(mia), rsa_key, algorithm="RS256", headers={"kid": f"made up {number}"}))
    assert host.asked == 1


def test_a_new_key_is_fetched_when_a_token_names_it(mia, host, rsa_key, monkeypatch):
    monkeypatch.setattr(jwks, "COOLDOWN", 0.0)
    tokens.verify(jwt.encode(payload(mia), rsa_key, algorithm="RS256", headers={"kid": "one"}))
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    host.publish("new", key, RSAAlgorithm, "RS256")
    assert tokens.verify(jwt.encode(payload(mia), key, algorithm="RS256", headers={"kid": "new"})).user_id == mia.pk


def test_a_withdrawn_key_opens_nothing_once_the_keys_are_old(mia, host, rsa_key, monkeypatch):
    text = jwt.encode(payload(mia), rsa_key, algorithm="RS256", headers={"kid": "one"})
    tokens.verify(text)
    host.publish("other", rsa.generate_private_key(public_exponent=65537, key_size=2048), RSAAlgorithm, "RS256")
    del host.keys["one"]
    assert tokens.verify(text).user_id == mia.pk
    monkeypatch.setattr(jwks, "FRESH", 0.0)
    monkeypatch.setattr(jwks, "COOLDOWN", 0.0)
    with pytest.raises(TokenRefused):
        tokens.verify(text)


def test_known_keys_serve_on_while_the_host_does_not_answer(mia, host, rsa_key, monkeypatch):
    text = jwt.encode(payload(mia), rsa_key, algorithm="RS256", headers={"kid": "one"})
    tokens.verify(text)
    host.broken = True
    monkeypatch.setattr(jwks, "FRESH", 0.0)
    monkeypatch.setattr(jwks, "COOLDOWN", 0.0)
    assert tokens.verify(text).user_id == mia.pk
    monkeypatch.setattr(jwks, "KEPT", 0.0)
    with pytest.raises(KeysUnavailable):
        tokens.verify(text)


async def test_while_the_host_does_not_answer_a_token_under_an_unknown_key_is_not_called_worthless(mia, host, rsa_key):
    text = jwt.encode(payload(mia), rsa_key, algorithm="RS256", headers={"kid": "one"})
    host.broken = True
    for _ in range(3):  # the first asks the host, those after it may not
        with pytest.raises(KeysUnavailable):
            tokens.verify(text)
        with pytest.raises(KeysUnavailable):
            await tokens.averify(text)
    assert host.asked == 1


async def test_nor_is_one_under_a_key_that_is_newer_than_what_was_fetched(mia, host, rsa_key, monkeypatch):
    monkeypatch.setattr(jwks, "COOLDOWN", 0.0)
    known, newer = (jwt.encode(payload(mia), rsa_key, algorithm="RS256", headers={"kid": kid}) for kid in ("one", "newer"))
    tokens.verify(known)
    with pytest.raises(TokenRefused):
        await tokens.averify(newer)
    host.broken = True
    with pytest.raises(KeysUnavailable):
        await tokens.averify(newer)
    assert (await tokens.averify(known)).user_id == mia.pk
    host.broken = False
    with pytest.raises(TokenRefused):
        await tokens.averify(newer)


def test_rest_asks_to_come_again_with_the_same_token_while_the_host_does_not_answer(mia, host, rsa_key, api, monkeypatch):
    client = api(jwt.encode(payload(mia), rsa_key, algorithm="RS256", headers={"kid": "one"}))
    host.broken = True
    for path in ("/api/v1/ws/ticket", "/api/v1/customers"):
        answer = client.post(path, {})
        assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (503, "DEPENDENCY_DOWN", "1")
    assert api("garbage").post("/api/v1/ws/ticket").status_code == 401
    host.broken = False
    monkeypatch.setattr(jwks, "COOLDOWN", 0.0)
    assert client.post("/api/v1/ws/ticket").status_code == 201


@pytest.mark.parametrize("body", ["[]", "{}", '{"keys": []}', '{"keys": "no"}', '{"keys": [1, {}]}', "not JSON"])
def test_a_host_that_publishes_nonsense_opens_nothing(mia, rsa_key, options, body):
    class Nonsense(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Nonsense) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        options(jwt_jwk_url=f"http://127.0.0.1:{server.server_port}/{hash(body)}")
        with pytest.raises(KeysUnavailable):
            tokens.verify(jwt.encode(payload(mia), rsa_key, algorithm="RS256", headers={"kid": "one"}))
        server.shutdown()


def test_our_own_tokens_open_while_the_host_does_not_answer(mia, options, token):
    options(jwt_jwk_url="http://127.0.0.1:9/nobody", jwt_jwk_timeout=0.2)
    assert tokens.verify(token(mia)).user_id == mia.pk
    assert host_login.is_set_up()
    assert django_settings.SWITCHBOARD.jwt_jwk_url
