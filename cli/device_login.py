"""Logging in through a browser, on whatever device it is (RFC 8628): the program's part."""

import platform

from cli.answers import Answer
from cli.client import Client
from cli.credentials import Login
from cli.errors import Denied, Failure, Unavailable
from cli.invocation import Invocation
from cli.transport import Request

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
CLIENT_ID = "crontopus-cli"
# RFC 8628, 3.5: how much longer to wait after each time that we were too fast.
SLOWER_BY_S = 5


def log_in(invocation: Invocation, *, with_browser: bool) -> Login:
    """Show the person a code, wait until they have approved it in a browser, and return the login.

    Raise Denied if they refuse it, or do not approve it in time.
    """
    client = invocation.client
    name = f"crontopus on {platform.node()}"[:100]
    started = client.public(Request("POST", "/api/auth/device", form={"client_id": CLIENT_ID, "client_name": name}))
    address, whole = str(started.part("verification_uri")), str(started.body.get("verification_uri_complete") or "")
    invocation.printer.note(f"Your code: {started.part('user_code')}")
    is_open = with_browser and invocation.browse(whole or address)
    invocation.printer.note(f"{'Approve it in your browser' if is_open else 'Open'}: {address}")
    if not is_open and whole:
        invocation.printer.note(f"With the code in it: {whole}")
    invocation.printer.note("Waiting for you there...")
    tokens = _awaited(invocation, started)
    access, refresh = str(tokens.part("access_token")), str(tokens.part("refresh_token"))
    return Login(client.owner_of(access), access, refresh)


def _awaited(invocation: Invocation, started: Answer) -> Answer:
    interval_s, left_s = int(started.body.get("interval") or 5), int(started.part("expires_in"))
    while left_s > 0:
        invocation.sleep(interval_s)
        left_s -= interval_s
        try:
            return _exchange(invocation.client, str(started.part("device_code")))
        except Unavailable as e:
            # A limit, or a network that is away for a moment: neither ends what the person has begun.
            interval_s = max(interval_s, e.retry_after_s or 0)
        except Failure as e:
            if e.code == "slow_down":
                interval_s += SLOWER_BY_S
            elif e.code == "access_denied":
                raise Denied("the login was refused in the browser") from e
            elif e.code != "authorization_pending":
                raise Denied(e.message, hints=["start again: crontopus auth login"]) from e
    raise Denied("nobody approved the code in time", hints=["start again: crontopus auth login"])


def _exchange(client: Client, device_code: str) -> Answer:
    form = {"grant_type": GRANT, "device_code": device_code, "client_id": CLIENT_ID}
    return client.public(Request("POST", "/api/auth/device/token", form=form))
