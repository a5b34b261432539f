"""What is believed of what a provider says, and where a login may lead."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.domain import sso
from chalicelib.domain.errors import Forbidden, Invalid
from chalicelib.domain.sso import Person, Provider
from chalicelib.domain.tenants import Tenant
from tests.fixtures.builders import NOON

PROVIDER = Provider("oidc", "Ours", "oidc", "https://id.example.org", "us", ("openid",))
NOW = int(NOON.timestamp())
CLAIMS = {
    "iss": "https://id.example.org",
    "aud": "us",
    "sub": "248289761001",
    "exp": NOW + 300,
    "iat": NOW,
    "nonce": "n",
    "email": "ada@example.org",
    "email_verified": True,
    "preferred_username": "ada",
}
ADA = Person("oidc", "https://id.example.org", "1", "ada@example.org", True, "ada")
OWNER = Tenant("ada", "ada", "ada@example.org", "hash", "active", 6, "t-1", None, NOON, email_verified_at=NOON)


def test_a_token_that_is_for_us_names_a_person():
    person = sso.believe(CLAIMS, PROVIDER, "n", NOON)

    assert person == Person("oidc", "https://id.example.org", "248289761001", "ada@example.org", True, "ada")


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"iss": "https://evil.example.org"}, "iss"),
        ({"iss": "https://id.example.org/"}, "iss"),
        ({"iss": None}, "iss"),
        ({"aud": "somebody else"}, "aud"),
        ({"aud": ["somebody else"]}, "aud"),
        ({"aud": []}, "aud"),
        ({"aud": None}, "aud"),
        ({"aud": ["us", "them"]}, "azp"),
        ({"aud": ["us", "them"], "azp": "them"}, "azp"),
        ({"azp": "them"}, "azp"),
        ({"exp": NOW - 61}, "exp"),
        ({"exp": None}, "exp"),
        ({"exp": "never"}, "exp"),
        ({"exp": True}, "exp"),
        ({"iat": NOW + 61}, "iat"),
        ({"iat": NOW - 661}, "iat"),
        ({"iat": None}, "iat"),
        ({"nbf": NOW + 61}, "nbf"),
        ({"nbf": "later"}, "nbf"),
        ({"nonce": "another"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"nonce": "é"}, "nonce"),
        ({"sub": ""}, "sub"),
        ({"sub": None}, "sub"),
        ({"sub": 7}, "sub"),
        ({"sub": "x" * 256}, "sub"),
        ({"sub": "a\0b"}, "sub"),
    ],
)
def test_a_claim_that_does_not_hold_is_named(change, name: str):
    with pytest.raises(Forbidden, match=rf"\({name}\)"):
        sso.believe(CLAIMS | change, PROVIDER, "n", NOON)


@pytest.mark.parametrize(("hd", "is_in"), [("example.org", True), ("evil.example", False), (None, False), ("", False)])
def test_one_organisation_at_google_is_told_by_the_claim_and_not_by_the_address(hd, is_in: bool):
    google = replace(PROVIDER, hosted_domain="example.org")

    if is_in:
        assert sso.believe(CLAIMS | {"hd": hd}, google, "n", NOON).email == "ada@example.org"
    else:
        with pytest.raises(Forbidden, match=r"\(hd\)"):
            sso.believe(CLAIMS | {"hd": hd}, google, "n", NOON)


@pytest.mark.parametrize("missing", ["iss", "aud", "sub", "exp", "iat", "nonce"])
def test_a_claim_that_is_missing_does_not_hold(missing: str):
    with pytest.raises(Forbidden, match=missing):
        sso.believe({name: value for name, value in CLAIMS.items() if name != missing}, PROVIDER, "n", NOON)


@pytest.mark.parametrize("change", [{"exp": NOW - 59}, {"iat": NOW + 59}, {"aud": ["us", "them"], "azp": "us"}, {"nbf": NOW}])
def test_clocks_may_differ_by_a_minute_and_audiences_may_be_several(change):
    assert sso.believe(CLAIMS | change, PROVIDER, "n", NOON).subject == CLAIMS["sub"]


@pytest.mark.parametrize(
    ("value", "is_verified"), [(True, True), ("true", True), (False, False), ("1", False), (1, True), (None, False)]
)
def test_an_address_is_verified_only_if_the_provider_says_so(value, is_verified: bool):
    assert sso.person_of(CLAIMS | {"email_verified": value}, PROVIDER).is_email_verified == is_verified


@pytest.mark.parametrize("email", [None, 7, "", "x" * 255, ["a@b.example"]])
def test_what_is_no_address_is_none(email):
    assert sso.person_of(CLAIMS | {"email": email}, PROVIDER).email is None


class TestNewcomers:
    def test_a_proved_address_that_nobody_has_may_register(self):
        assert sso.newcomer(ADA, None) == "register"

    def test_the_owner_of_a_proved_address_confirms_by_password(self):
        assert sso.newcomer(ADA, OWNER) == "confirm"

    @pytest.mark.parametrize(
        ("person", "owner", "code"),
        [
            ({"is_email_verified": False}, None, "sso_email_unverified"),
            ({"is_email_verified": False}, {}, "sso_email_unverified"),
            ({"email": None}, None, "sso_email_unverified"),
            ({}, {"email_verified_at": None}, "sso_link_by_hand"),
            ({}, {"password_hash": ""}, "sso_link_by_hand"),
        ],
    )
    def test_an_address_alone_opens_nothing(self, person, owner, code: str):
        with pytest.raises(Forbidden) as refused:
            sso.newcomer(replace(ADA, **person), None if owner is None else replace(OWNER, **owner))

        assert refused.value.code == code


@pytest.mark.parametrize("path", ["/", "/jobs", "/jobs/default/backup?tab=runs", "/a//b", "/%2f%2fevil.example"])
def test_a_login_may_lead_to_a_path_of_ours(path: str):
    assert sso.safe_next(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "", "jobs", "//evil.example", "/\\evil.example", "\\/evil.example", "https://evil.example", "javascript:alert(1)",
        "/a\nSet-Cookie: x", "/a b", "/\tb", "/jobs#sso_code=x", "///evil.example", "/" + "a" * 500, "/\x00",
    ],
)  # fmt: skip
def test_it_leads_nowhere_else(path: str):
    with pytest.raises(Invalid):
        sso.safe_next(path)


@pytest.mark.parametrize(
    ("nickname", "email", "name"),
    [
        ("Ada Lovelace", "x@y.example", "ada-lovelace"),
        (None, "ada.l+cron@y.example", "ada-l-cron"),
        ("admin", "ada@y.example", "ada"),
        ("***", "root@y.example", ""),
        ("x" * 80, None, "x" * 30),
    ],
)
def test_a_name_is_suggested_that_we_would_take(nickname, email, name: str):
    assert sso.suggested_name(replace(ADA, nickname=nickname, email=email)) == name


def test_the_challenge_is_that_of_rfc_7636():
    assert sso.challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_each_secret_of_each_login_in_each_browser_is_another():
    made = {sso.derived(b, i, w) for b in ("b1", "b2") for i in ("1", "2") for w in ("nonce", "verifier")}

    assert len(made) == 8
    assert all(len(one) == 43 for one in made)


def test_a_login_that_took_too_long_is_over():
    with pytest.raises(Forbidden, match="exp"):
        sso.believe(CLAIMS, PROVIDER, "n", NOON + timedelta(minutes=7))
