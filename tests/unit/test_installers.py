from dataclasses import replace
from pathlib import Path

import pytest

from chalicelib.domain.installers import INSTALLERS, Offer, fill, powershell_quoted

SHA = "a" * 64
KEY = "A" * 43 + "="
TEMPLATES = Path(__file__).parents[2] / "chalicelib" / "templates" / "installers"


def filled(platform, **values):
    installer = INSTALLERS[platform]
    release = {"RELEASE_URL": "https://x.example.org/1.2.3", "SUMS_SHA256": SHA, "RELEASE_KEYS": KEY}
    facts = {"API_URL": "https://api.example.org", **release}
    return fill(installer, (TEMPLATES / installer.template).read_text(), facts | values)


@pytest.mark.parametrize("platform", INSTALLERS)
def test_no_mark_of_the_template_is_left(platform):
    script = filled(platform)

    names = ("API_URL", "RELEASE_URL", "SUMS_SHA256", "RELEASE_KEYS", "PLATFORM", "PLATFORM_WORDS")
    assert not any(f"@{name}@" in script for name in names)
    assert INSTALLERS[platform].words in script


def test_every_mark_that_powershell_takes_for_a_quote_is_doubled():
    assert powershell_quoted("it's \u2018a\u2019 $x `n") == "'it''s \u2018\u2018a\u2019\u2019 $x `n'"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"url": ""}, "is not set"),
        ({"version": ""}, "is not set"),
        ({"sums_sha256": ""}, "is not set"),
        ({"sums_sha256": "A" * 64}, "64 hex digits"),
        ({"url": "http://x/a"}, "not https"),
        ({"url": "ftp://127.0.0.1/a"}, "not https"),
        ({"version": "latest"}, "is no version"),
        ({"keys": ("x",)}, "is no public key"),
        ({"keys": ()}, "no public key"),
        ({}, None),
        ({"url": "http://127.0.0.1:8/a"}, None),
        ({"url": "http://localhost/a"}, None),
    ],
)
def test_a_release_is_offered_only_if_what_comes_can_be_trusted(change, words):
    problem = replace(Offer("https://x/a", "1.2.3", SHA, (KEY,)), **change).problem

    assert problem == words or words in problem
