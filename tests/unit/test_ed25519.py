"""Ed25519 against the vectors of RFC 8032, against another implementation, and against what must not pass."""

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chalicelib.domain.ed25519 import is_valid

ORDER = 2**252 + 27742317777372353535851937790883648493
P = 2**255 - 19
# RFC 8032, section 7.1: public key, message, signature.
VECTORS = {
    "1": (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    "2": (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    "3": (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
    "SHA(abc)": (
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        hashlib.sha512(b"abc").hexdigest(),
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
    ),
}


@pytest.fixture(scope="module")
def signed() -> tuple[bytes, bytes, bytes]:
    """A public key, a message and its signature."""
    private = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    message = b"a release"
    return private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw), message, private.sign(message)


@pytest.mark.parametrize("name", VECTORS)
def test_the_vectors_of_the_rfc_hold(name):
    key, message, signature = (bytes.fromhex(text) for text in VECTORS[name])

    assert is_valid(key, message, signature)
    assert not is_valid(key, message + b"x", signature)


@pytest.mark.parametrize("seed", range(12))
def test_what_another_implementation_signs_is_valid(seed):
    private = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(bytes([seed])).digest())
    key, message = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw), b"m" * seed * 1000

    assert is_valid(key, message, private.sign(message))


def test_a_bit_flipped_anywhere_is_noticed(signed):
    key, message, signature = signed
    flipped = [signature[:at] + bytes([signature[at] ^ 1 << at % 8]) + signature[at + 1 :] for at in range(0, 64, 3)]
    others = [bytes([key[0] ^ 1]) + key[1:], key[:31] + bytes([key[31] ^ 128])]

    assert not any(is_valid(key, message, one) for one in flipped)
    assert not any(is_valid(other, message, signature) for other in others)


def test_a_second_signature_cannot_be_made_of_the_first(signed):
    key, message, signature = signed
    scalar = int.from_bytes(signature[32:], "little") + ORDER

    assert scalar < 2**256
    assert not is_valid(key, message, signature[:32] + scalar.to_bytes(32, "little"))


@pytest.mark.parametrize("y", [P, P + 1, 2**255 - 1])
def test_a_point_in_its_long_form_is_none(signed, y):
    _, message, signature = signed
    long_form = y.to_bytes(32, "little")

    assert not is_valid(long_form, message, signature)
    assert not is_valid(long_form, message, long_form + bytes(32))


def test_zero_has_no_sign(signed):
    _, message, _ = signed
    negative_zero = (1 | 1 << 255).to_bytes(32, "little")

    assert not is_valid(negative_zero, message, (1).to_bytes(32, "little") + bytes(32))


def test_bytes_that_are_no_point_are_no_key(signed):
    _, message, signature = signed

    assert not is_valid((2).to_bytes(32, "little"), message, signature)


@pytest.mark.parametrize("length", [0, 31, 33, 63, 65, 128])
def test_other_lengths_are_refused(signed, length):
    key, message, signature = signed

    assert not is_valid(key, message, (signature * 3)[:length])
    assert not is_valid((key * 5)[:length], message, signature)
