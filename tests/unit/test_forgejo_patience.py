import pytest
import requests
from requests.auth import HTTPBasicAuth

from chalicelib.domain.errors import Unavailable
from chalicelib.forgejo.transport import TRIES, Transport


class SilentForge(requests.Session):
    """Takes a while each time, then gives no answer."""

    def __init__(self, takes_s: float) -> None:
        super().__init__()
        self.takes_s = takes_s
        self.now = 0.0
        self.calls = 0

    def request(self, *_, **__):
        self.calls += 1
        self.now += self.takes_s
        raise requests.ReadTimeout("no answer")


@pytest.mark.parametrize(("takes_s", "calls"), [(0.1, TRIES), (10, 1)])
def test_a_forge_that_hangs_is_not_asked_again(takes_s: float, calls: int):
    forge = SilentForge(takes_s)
    transport = Transport("http://forge", HTTPBasicAuth("", ""), forge, lambda _: None, lambda: 0.0, lambda: forge.now)

    with pytest.raises(Unavailable):
        transport.call("GET", "version")

    assert forge.calls == calls
