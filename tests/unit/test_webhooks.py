import pytest

from chalicelib.domain.webhooks import is_signed, secret_of

KEY = bytes(range(32))
BODY = b'{"ref": "refs/heads/main"}'
# printf '%s' "$BODY" | openssl dgst -sha256 -hmac secret
SIGNATURE = "36a089f93b92e972b714e8c0f008873a206c690a8aee946a787eeb0f23e131b2"


def test_a_signature_of_the_secret_is_good():
    assert is_signed(BODY, SIGNATURE, ["other", "secret"])
    assert is_signed(BODY, SIGNATURE.upper(), ["secret"])


@pytest.mark.parametrize(
    "signature", ["", "x", "é", SIGNATURE[:-1] + ("0" if SIGNATURE[-1] != "0" else "1"), f"sha256={SIGNATURE}"]
)
def test_another_signature_is_not(signature: str):
    assert not is_signed(BODY, signature, ["secret"])


def test_a_changed_body_is_not_signed():
    assert not is_signed(BODY + b" ", SIGNATURE, ["secret"])


def test_every_tenant_has_a_secret_of_its_own():
    assert len({secret_of(KEY, "ada"), secret_of(KEY, "eve"), secret_of(bytes(32), "ada")}) == 3
