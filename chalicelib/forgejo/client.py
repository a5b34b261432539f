"""Forgejo, as the control plane needs it: the bot's work on contents, and provisioning by the site admin."""

import random
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Literal

import requests
from requests.auth import AuthBase, HTTPBasicAuth

from chalicelib.domain.errors import Conflict, Invalid, NotFound
from chalicelib.forgejo.contents import Contents
from chalicelib.forgejo.files import Author, FileChange
from chalicelib.forgejo.transport import Transport, api_path, refusal, unavailable

BRANCH = "main"
FIRST_FILES = ("default/.gitkeep", "discovered/.gitkeep")
FIRST_AUTHOR = Author("Crontopus", "noreply@crontopus.invalid")
Permission = Literal["read", "write", "admin"]
# A tenant's repository holds manifests and nothing else.
_UNITS = ("issues", "wiki", "pull_requests", "projects", "packages", "actions", "releases")


class Forgejo(Contents):
    """token: the bot's, for reading and committing. basic: login and password of a site admin, for provisioning only.

    Every call of the provisioning half may be made twice: what is there already, and ours, is success.
    """

    def __init__(
        self,
        url: str,
        token: str,
        session: requests.Session | None = None,
        sleep: Callable[[float], None] = time.sleep,
        basic: tuple[str, str] | None = None,
        jitter: Callable[[], float] = random.random,
        on_refusal: Callable[[], None] = lambda: None,
    ) -> None:
        """session: without one, ours takes nothing from the environment: no proxy, no .netrc. on_refusal: see Transport."""
        session = session or _session()
        super().__init__(Transport(url, _TokenAuth(token), session, sleep, jitter, on_refusal=on_refusal))
        # requests would encode text as Latin-1.
        login, password = (text.encode() for text in basic) if basic else (b"", b"")
        self._site = (
            Transport(url, HTTPBasicAuth(login, password), session, sleep, jitter, on_refusal=on_refusal) if basic else None
        )

    def ensure_organization(self, name: str) -> None:
        """Make the organisation, hidden from strangers. Raise Conflict if the name is a user's or reserved."""
        made = self._admin.call("POST", "orgs", body={"username": name, "visibility": "private"}, accept=(422,))
        if not made.is_success and self._admin.call("GET", api_path("orgs", name), accept=(404,)).status == 404:
            raise Conflict(f"the forge cannot have an organisation {name}")

    def ensure_user(self, login: str, email: str, password: str) -> None:
        """Make an account that sees only what it is given. One that is there keeps its password.

        Raise Conflict if the login is somebody else's, or the address.
        """
        body = {
            "username": login,
            "email": email,
            "password": password,
            "must_change_password": False,  # the forge's default is true, and shuts the account out of the API
            "restricted": True,
            "visibility": "private",
            "send_notify": False,
        }
        if self._admin.call("POST", "admin/users", body=body, accept=(422,)).is_success:
            return
        found = self._admin.call("GET", api_path("users", login), accept=(404,))
        if not found.is_success or found.pick("email", kind=str).lower() != email.lower():
            raise Conflict(f"the forge cannot have an account {login} with this e-mail address")

    def ensure_repository(self, owner: str, name: str, description: str) -> None:
        """Make a private repository of an organisation with its first commit, `default/` and `discovered/`.

        The site admin makes that commit, so that it needs no collaborator yet.
        Raise NotFound without the organisation, Conflict if a public repository has the name.
        """
        place = api_path("repos", owner, name)
        body = {"name": name, "description": description, "private": True, "auto_init": False, "default_branch": BRANCH}
        made = self._admin.call("POST", api_path("orgs", owner, "repos"), body=body, accept=(409,))
        if not made.is_success:
            made = self._admin.call("GET", place)
        if not made.pick("private", kind=bool):
            raise Conflict(f"{owner}/{name} is there already and is public")
        contents = Contents(self._admin)
        if contents.head(owner, name, BRANCH) is None:
            self._admin.call("PATCH", place, body={f"has_{unit}": False for unit in _UNITS})
            first = [FileChange(path, b"") for path in FIRST_FILES]
            # Another registration of the same tenant may be faster: then the files are there, which is all we want.
            with suppress(Conflict):
                contents.commit(owner, name, first, "Make room for job manifests", FIRST_AUTHOR, BRANCH)

    def ensure_collaborator(self, owner: str, repo: str, login: str, permission: Permission) -> None:
        """Give an account this permission, in place of one it has. Raise NotFound without the repository or the account."""
        path = api_path("repos", owner, repo, "collaborators", login)
        if self._admin.call("PUT", path, body={"permission": permission}, accept=(422,)).status == 422:
            raise NotFound(f"the forge has no account {login}")

    def ensure_hook(self, owner: str, repo: str, url: str, secret: str) -> None:
        """Let the forge tell this address of every push to main, signed with the secret. One that is there is made anew."""
        path = api_path("repos", owner, repo, "hooks")
        for found in self._admin.call("GET", path).pick(kind=list):
            if found["config"]["url"] == url:
                self._admin.call("DELETE", f"{path}/{found['id']}", accept=(404,))
        body = {
            "type": "forgejo",
            "config": {"url": url, "content_type": "json", "secret": secret},
            "events": ["push"],
            "branch_filter": BRANCH,
            "active": True,
        }
        self._admin.call("POST", path, body=body)

    def has_hook(self, owner: str, repo: str, url: str) -> bool:
        """Tell whether the forge tells this address of pushes."""
        hooks = self._admin.call("GET", api_path("repos", owner, repo, "hooks")).pick(kind=list)
        return any(found["config"]["url"] == url and found["active"] for found in hooks)

    def create_token(self, login: str, name: str, scopes: Sequence[str], repositories: Sequence[tuple[str, str]] = ()) -> str:
        """Return the secret of a new token, which the forge shows this once.

        A token of the same name is deleted first: its secret is lost. repositories: (owner, name) pairs the token is
        limited to, from Forgejo 15 on; earlier ones ignore it. Raise NotFound without the account.
        """
        path = api_path("users", login, "tokens")
        body: dict[str, object] = {"name": name, "scopes": list(scopes)}
        if repositories:
            body["repositories"] = [{"owner": owner, "name": repo} for owner, repo in repositories]
        made = self._admin.call("POST", path, body=body, accept=(400,))
        if not made.is_success:
            self.delete_token(login, name)
            made = self._admin.call("POST", path, body=body, accept=(400,))
        if not made.is_success:
            raise refusal(made, f"POST {path}")
        return made.pick("sha1", kind=str)

    def delete_token(self, login: str, name: str) -> None:
        """Take a token out of force at once. None of that name is fine."""
        if name.isdecimal():
            raise Invalid.of({"name": "the forge would take digits alone for the id of another token"})
        self._admin.call("DELETE", api_path("users", login, "tokens", name), accept=(404,))

    @property
    def _admin(self) -> Transport:
        if self._site is None:
            raise unavailable("no site admin of the forge is configured here")
        return self._site


class _TokenAuth(AuthBase):
    def __init__(self, token: str) -> None:
        self._header = f"token {token}"

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = self._header
        return request


def _session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    return session
