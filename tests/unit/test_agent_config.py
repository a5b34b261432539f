import pytest

from agent.config import check_url
from chalicelib.domain.errors import Stalled


@pytest.mark.parametrize(
    "url", ["https://api.example.com", "https://h:8443/base", "http://127.0.0.1:8080", "http://localhost", "http://[::1]:1"]
)
def test_an_address_that_keeps_credentials_safe_is_taken(url: str) -> None:
    assert check_url(url + "/", "it") == url


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.com",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "https://user:password@h",
        "https://user@h",
        "https://h/?token=x",
        "https://h/#x",
        "ssh://h/x",
        "ext::sh -c id",
        "file:///etc",
        "--upload-pack=id",
        "https://",
        "https://h:port/",
        "https://h/a b",
        "https://h/\nX: y",
        "https://h\\@evil",
        "",
    ],
)
def test_every_other_address_is_refused(url: str) -> None:
    with pytest.raises(Stalled) as caught:
        check_url(url, "it")

    assert caught.value.code == "config"
    assert "password" not in caught.value.message
