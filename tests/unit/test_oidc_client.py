"""ID tokens that a provider did not mean, crafted by hand, against one of ours that is asked in memory."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from chalicelib.domain.errors import Forbidden, Unavailable
from chalicelib.domain.sso import Provider
from chalicelib.providers.oidc import OidcClient
from chalicelib.providers.transport import Reply

ISSUER = "https://id.example.org"
PROVIDER = Provider("oidc", "Ours", "oidc", ISSUER, "us", ("openid", "email"))
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
CURVE = ec.generate_private_key(ec.SECP256R1())
PUBLIC_PEM = KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def jwk(key: Any, kid: str | None = "k1", **more: str) -> dict[str, Any]:
    algorithm = jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else jwt.algorithms.ECAlgorithm
    shown = dict(algorithm.to_jwk(key.public_key(), as_dict=True)) | more
    return shown | ({"kid": kid} if kid else {})


def claims(**changes: object) -> dict[str, Any]:
    made = int(NOW.timestamp())
    usual = {"iss": ISSUER, "aud": "us", "sub": "1", "exp": made + 60, "iat": made, "nonce": "n", "email": "a@b.example"}
    return usual | {"email_verified": True} | changes


def signed(key: Any = KEY, algorithm: str = "RS256", kid: str | None = "k1", **changes: object) -> str:
    return jwt.encode(claims(**changes), key, algorithm=algorithm, headers={"kid": kid} if kid else {})


class Internet:
    """What the provider would answer, and what it was asked."""

    def __init__(self, id_token: object) -> None:
        self.asked: list[str] = []
        self.forms: list[tuple[dict[str, str], str | None]] = []
        self.keys: list[dict[str, Any]] = [jwk(KEY)]
        self.userinfo: object = {"sub": "1", "email": "more@b.example", "email_verified": True}
        self.token = Reply(200, {"id_token": id_token, "access_token": "at"})
        self.metadata: dict[str, Any] = {
            "issuer": ISSUER,
            "authorization_endpoint": f"{ISSUER}/auth",
            "token_endpoint": f"{ISSUER}/token",
            "jwks_uri": f"{ISSUER}/jwks",
            "userinfo_endpoint": f"{ISSUER}/me",
        }

    def get(self, url: str, authorization: str | None = None) -> Reply:
        self.asked.append(url.removeprefix(ISSUER))
        match self.asked[-1]:
            case "/jwks":
                return Reply(200, {"keys": self.keys})
            case "/me":
                return Reply(200, self.userinfo)
        return Reply(200, self.metadata)

    def post(self, url: str, form: dict[str, str], authorization: str | None = None) -> Reply:
        self.forms.append((form, authorization))
        return self.token


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def client(internet: Internet, clock: Clock | None = None) -> OidcClient:
    return OidcClient(PROVIDER, internet, clock or Clock())  # type: ignore[arg-type]


def person(internet: Internet):
    return client(internet).person("code", "https://us.example.org/cb", "v" * 43, "n", "s", NOW)


@pytest.mark.parametrize(
    ("token", "keys"),
    [
        (signed(), [jwk(KEY)]),
        (signed(), [jwk(KEY, alg="RS256", use="sig"), jwk(OTHER, "k2")]),
        (signed(algorithm="PS256"), [jwk(KEY)]),
        (signed(CURVE, "ES256"), [jwk(CURVE)]),
        (signed(kid=None), [jwk(KEY, None)]),
    ],
)
def test_a_token_of_the_provider_is_believed(token: str, keys: list[dict[str, Any]]):
    internet = Internet(token)
    internet.keys = keys

    assert person(internet).email == "a@b.example"


def unsigned(header: dict[str, str], key: bytes | None = None) -> str:
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims())]
    body = b".".join(parts)
    mac = hmac.digest(key, body, hashlib.sha256) if key else b""
    return (body + b"." + base64.urlsafe_b64encode(mac).rstrip(b"=")).decode()


@pytest.mark.parametrize(
    "token",
    [
        unsigned({"alg": "none", "kid": "k1"}),
        unsigned({"alg": "NONE", "kid": "k1"}),
        unsigned({"alg": "HS256", "kid": "k1"}, PUBLIC_PEM),
        unsigned({"kid": "k1"}),
        signed(OTHER),
        signed(CURVE, "ES256"),
        signed(kid="unknown"),
        signed()[:-4] + "AAAA",
        "a.b.c",
        "",
        None,
        7,
    ],
)
def test_a_token_that_the_provider_did_not_sign_is_not(token: object):
    with pytest.raises(Forbidden) as refused:
        person(Internet(token))

    assert refused.value.code == "sso_untrusted"


@pytest.mark.parametrize(
    "changes",
    [{"nonce": "other"}, {"aud": "them"}, {"iss": "https://evil.example.org"}, {"exp": 1}, {"aud": ["us", "them"]}],
)
def test_a_signed_token_for_somebody_else_or_another_time_is_not_believed(changes: dict[str, object]):
    with pytest.raises(Forbidden):
        person(Internet(signed(**changes)))


@pytest.mark.parametrize(
    "keys",
    [
        [jwk(KEY, use="enc")],
        [jwk(KEY, alg="RS512")],
        [{"kty": "oct", "kid": "k1", "k": "AAAA"}],
        [jwk(KEY, None), jwk(OTHER, None)],
        [],
        [{"kid": "k1", "kty": "RSA", "n": "!", "e": "AQAB"}],
    ],
)
def test_a_key_that_is_not_for_signing_signs_nothing(keys: list[dict[str, Any]]):
    internet = Internet(signed())
    internet.keys = keys

    with pytest.raises(Forbidden):
        person(internet)


def test_invented_key_ids_ask_the_provider_once_a_minute():
    internet, clock = Internet(signed(kid="k9")), Clock()
    asking = client(internet, clock)

    def refused() -> None:
        with pytest.raises(Forbidden):
            asking.person("code", "https://us.example.org/cb", "v" * 43, "n", "s", NOW)

    for _ in range(5):
        refused()
    within_a_minute = internet.asked.count("/jwks")
    clock.now += 61
    refused()

    assert (within_a_minute, internet.asked.count("/jwks")) == (1, 2)


def test_a_new_key_is_found_after_the_provider_has_changed_it():
    internet, clock = Internet(signed(OTHER, kid="k2")), Clock()
    asking = client(internet, clock)
    with pytest.raises(Forbidden):
        asking.person("code", "https://us.example.org/cb", "v" * 43, "n", "s", NOW)
    internet.keys.append(jwk(OTHER, "k2"))
    clock.now += 61

    assert asking.person("code", "https://us.example.org/cb", "v" * 43, "n", "s", NOW).subject == "1"


def test_keys_and_configuration_are_asked_for_once():
    internet = Internet(signed())
    asking = client(internet)
    for _ in range(3):
        asking.person("code", "https://us.example.org/cb", "v" * 43, "n", "s", NOW)

    assert internet.asked == ["/.well-known/openid-configuration", "/jwks"]


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": "https://other.example.org"},
        {"issuer": f"{ISSUER}/"},
        {"token_endpoint": "http://id.example.org/token"},
        {"jwks_uri": "https://user:pass@id.example.org/jwks"},
        {"jwks_uri": "file:///etc/passwd"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"token_endpoint": None},
    ],
)
def test_a_configuration_that_leads_astray_is_not_used(change: dict[str, object]):
    internet = Internet(signed())
    internet.metadata |= change

    with pytest.raises(Unavailable):
        person(internet)
    assert internet.forms == []


def test_what_the_token_leaves_out_is_asked_of_userinfo():
    assert person(Internet(signed(email=None))).email == "more@b.example"


def test_userinfo_of_somebody_else_is_not_used():
    internet = Internet(signed(email=None))
    internet.userinfo = {"sub": "2", "email": "admin@b.example", "email_verified": True}

    with pytest.raises(Forbidden, match="two people"):
        person(internet)


@pytest.mark.parametrize("methods", [None, ["client_secret_basic", "client_secret_post"], ["client_secret_post"]])
def test_the_client_secret_goes_where_the_provider_wants_it(methods: list[str] | None):
    internet = Internet(signed())
    internet.metadata["token_endpoint_auth_methods_supported"] = methods
    person(internet)

    (form, authorization) = internet.forms[0]
    assert form["code_verifier"] == "v" * 43
    assert ("client_secret" in form) == (methods == ["client_secret_post"])
    assert (authorization == "Basic dXM6cw==") == (methods != ["client_secret_post"])


@pytest.mark.parametrize("reply", [Reply(400, {"error": "invalid_grant"}), Reply(401, None), Reply(200, None), Reply(200, [])])
def test_a_code_that_the_provider_does_not_take_is_told(reply: Reply):
    internet = Internet(signed())
    internet.token = reply

    with pytest.raises(Forbidden, match="does not take the code"):
        person(internet)


@pytest.mark.parametrize(("issuer", "must_say", "is_fine"), [
    (ISSUER, True, True), (None, False, True), (None, True, False), ("https://evil.example.org", False, False),
])  # fmt: skip
def test_an_answer_of_another_provider_is_a_mix_up(issuer: str | None, must_say: bool, is_fine: bool):
    internet = Internet(signed())
    internet.metadata["authorization_response_iss_parameter_supported"] = must_say

    if is_fine:
        client(internet).refuse_mix_up(issuer)
    else:
        with pytest.raises(Forbidden, match="another provider"):
            client(internet).refuse_mix_up(issuer)
