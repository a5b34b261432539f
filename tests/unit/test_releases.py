"""What a signed manifest has to be before an agent believes it."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chalicelib.domain.errors import Stalled
from chalicelib.domain.releases import (
    PREAMBLE,
    File,
    Release,
    is_outdated,
    key_id,
    manifest,
    order,
    read_key,
    read_manifest,
    signed_text,
)

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
CURRENT, NEXT, STRANGE = (Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32) for number in (1, 2, 3))
FILES = (
    File("any", "pyz", "crontopus-agent-1.2.0.pyz", 1000, "a" * 64),
    File("linux-x86_64", "native", "crontopus-agent-1.2.0-linux-x86_64.tar.gz", 2000, "b" * 64),
)
RELEASE = Release("1.2.0", "stable", NOW - timedelta(days=1), NOW + timedelta(days=90), None, FILES)


def public(key):
    return key.public_key().public_bytes_raw()


TRUSTED = [public(CURRENT), public(NEXT)]


def made(text, *keys):
    return manifest(text, {public(key): key.sign(PREAMBLE + text.encode()) for key in keys})


@pytest.mark.parametrize("key", [CURRENT, NEXT])
def test_what_either_trusted_key_has_signed_is_believed(key):
    assert read_manifest(made(signed_text(RELEASE), key), TRUSTED, NOW) == RELEASE


def test_one_trusted_signature_among_others_is_enough():
    assert read_manifest(made(signed_text(RELEASE), STRANGE, NEXT), TRUSTED, NOW) == RELEASE


def test_a_strange_key_is_refused_by_name():
    with pytest.raises(Stalled, match=f"none of the keys .*{key_id(TRUSTED[0])}") as refused:
        read_manifest(made(signed_text(RELEASE), STRANGE), TRUSTED, NOW)

    assert refused.value.code == "update_untrusted"


def test_unsigned_is_refused():
    with pytest.raises(Stalled, match="none of the keys"):
        read_manifest(made(signed_text(RELEASE)), TRUSTED, NOW)


def test_a_signature_without_the_preamble_is_none_of_a_manifest():
    text = signed_text(RELEASE)

    with pytest.raises(Stalled, match="none of the keys"):
        read_manifest(manifest(text, {TRUSTED[0]: CURRENT.sign(text.encode())}), TRUSTED, NOW)


def test_a_letter_changed_after_signing_is_noticed():
    content = made(signed_text(RELEASE), CURRENT).replace(b"1.2.0", b"9.2.0")

    with pytest.raises(Stalled, match="none of the keys"):
        read_manifest(content, TRUSTED, NOW)


def test_a_build_without_keys_believes_nothing():
    with pytest.raises(Stalled, match="trusts no release key"):
        read_manifest(made(signed_text(RELEASE), CURRENT), [], NOW)


def test_a_manifest_expires_to_the_second():
    content = made(signed_text(RELEASE), CURRENT)

    assert read_manifest(content, TRUSTED, RELEASE.expires - timedelta(seconds=1))
    with pytest.raises(Stalled, match=r"was good until 2027-02-18T12:00:00\.000Z") as refused:
        read_manifest(content, TRUSTED, RELEASE.expires)
    assert refused.value.code == "update_expired"


@pytest.mark.parametrize(
    "content",
    [b"", b"null", b"[]", b"{}", b'{"signed": "x"}', b'{"signed": "x", "signatures": 7}', b"x" * 70_000, b'{"signed": "tr'],
)
def test_what_is_no_manifest_is_said_to_be_none(content):
    with pytest.raises(Stalled, match="no manifest, or not whole"):
        read_manifest(content, TRUSTED, NOW)


@pytest.mark.parametrize("signature", [None, 7, {}, {"signature": 7}, {"signature": "!"}, {"signature": "AAAA"}])
def test_signatures_that_are_none_are_passed_over(signature):
    content = json.dumps({"signed": signed_text(RELEASE), "signatures": [signature]}).encode()

    with pytest.raises(Stalled, match="none of the keys"):
        read_manifest(content, TRUSTED, NOW)


@pytest.mark.parametrize(
    "change",
    [
        {"version": "latest"},
        {"min_version": "old"},
        {"files": (replace(FILES[0], name="../x"),)},
        {"files": (replace(FILES[0], sha256="A" * 64),)},
        {"files": (replace(FILES[0], size=0),)},
    ],
)
def test_a_signed_mistake_is_no_release(change):
    text = signed_text(replace(RELEASE, **change))

    with pytest.raises(Stalled, match="signed, but cannot be read"):
        read_manifest(made(text, CURRENT), TRUSTED, NOW)


def test_versions_are_ordered_by_number_and_stage():
    versions = ["0.9.9", "0.10.0a1", "0.10.0b2", "0.10.0rc1", "0.10.0", "0.10.1", "1.0.0"]

    assert sorted(set(versions), key=order) == versions
    assert order("1.2.3+g1234567") == order("1.2.3")


@pytest.mark.parametrize("text", ["", "1", "1.2", "v1.2.3", "1.2.3-beta", "1.2.3.4", "1.2.\u0663", " 1.2.3"])
def test_what_is_no_version_is_refused(text):
    with pytest.raises(ValueError, match="is no version"):
        order(text)


def test_an_artefact_is_found_by_kind_and_platform():
    assert RELEASE.find("pyz", "linux-x86_64") == FILES[0]
    assert RELEASE.find("native", "linux-x86_64") == FILES[1]
    assert RELEASE.find("native", "linux-aarch64") is None


@pytest.mark.parametrize("text", ["", "AAAA", "not base64"])
def test_what_is_no_key_is_refused(text):
    with pytest.raises(ValueError, match="no public key"):
        read_key(text)


@pytest.mark.parametrize(
    ("version", "minimum", "answer"),
    [
        ("0.9.0", "0.10.0", True),
        ("0.10.0", "0.10.0", False),
        ("0.10.0+g123", "0.10.0", False),
        ("0.10.0rc1", "0.10.0", True),
        ("0.9.0", "", False),
        ("custom", "0.10.0", False),
    ],
)
def test_an_agent_is_outdated_below_the_minimum(version, minimum, answer):
    assert is_outdated(version, minimum) is answer
