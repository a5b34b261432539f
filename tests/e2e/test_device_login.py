"""A program that a person lets in, on the page, through the front door."""

import re
import secrets
from urllib.parse import urljoin

import requests

from infra.local.api import Api
from infra.local.kept_secrets import Account
from infra.local.stack import Stack

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
TIMEOUT_S = 30


def submit(page: requests.Response, fields: dict[str, str]) -> requests.Response:
    """Send the page's own form, hidden fields and all, to where it says."""
    action = re.search(r'<form method="post" action="([^"]+)"', page.text)
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text))
    assert action, page.text
    return requests.post(urljoin(page.url, action.group(1)), data=hidden | fields, timeout=TIMEOUT_S)


def test_a_person_lets_a_program_in_on_the_page(stack: Stack):
    url = stack.ports.api_url
    account = Account(f"tenant-{secrets.token_hex(4)}", secrets.token_urlsafe(18))
    Api(url, account).register()
    started = requests.post(f"{url}/api/auth/device", data={"client_id": "a program"}, timeout=TIMEOUT_S).json()

    asked = requests.get(started["verification_uri_complete"], timeout=TIMEOUT_S)
    login = {"user_code": started["user_code"], "username": account.login, "password": account.password}
    shown = submit(asked, login)
    done = submit(shown, {"decision": "approve"})
    form = {"grant_type": GRANT, "device_code": started["device_code"], "client_id": "a program"}
    session = requests.post(f"{url}/api/oauth/token", data=form, timeout=TIMEOUT_S).json()

    bearer = {"Authorization": f"Bearer {session['access_token']}"}
    me = requests.get(f"{url}/api/auth/me", headers=bearer, timeout=TIMEOUT_S).json()
    assert ("a program" in shown.text, done.status_code) == (True, 200)
    assert me["user"]["username"] == account.login
