from pathlib import Path

import pytest

from chalicelib.domain.installers import INSTALLERS, Package, fill, powershell_quoted

SHA = "a" * 64
TEMPLATES = Path(__file__).parents[2] / "chalicelib" / "templates" / "installers"


def filled(platform, **values):
    installer = INSTALLERS[platform]
    facts = {"API_URL": "https://api.example.org", "PACKAGE_URL": "https://x.example.org/a.tar.gz", "PACKAGE_SHA256": SHA}
    return fill(installer, (TEMPLATES / installer.template).read_text(), facts | values)


@pytest.mark.parametrize("platform", INSTALLERS)
def test_no_mark_of_the_template_is_left(platform):
    script = filled(platform)

    assert not any(f"@{name}@" in script for name in ("API_URL", "PACKAGE_URL", "PACKAGE_SHA256", "PLATFORM", "PLATFORM_WORDS"))
    assert INSTALLERS[platform].words in script


def test_every_mark_that_powershell_takes_for_a_quote_is_doubled():
    assert powershell_quoted("it's \u2018a\u2019 $x `n") == "'it''s \u2018\u2018a\u2019\u2019 $x `n'"


@pytest.mark.parametrize(
    ("package", "words"),
    [
        (Package("", ""), "is not set"),
        (Package("https://x/a", ""), "is not set"),
        (Package("https://x/a", "A" * 64), "64 hex digits"),
        (Package("http://x/a", SHA), "not https"),
        (Package("ftp://127.0.0.1/a", SHA), "not https"),
        (Package("https://x/a", SHA), None),
        (Package("http://127.0.0.1:8/a", SHA), None),
        (Package("http://localhost/a", SHA), None),
    ],
)
def test_a_package_is_named_only_if_what_comes_can_be_trusted(package, words):
    assert package.problem == words or words in package.problem
