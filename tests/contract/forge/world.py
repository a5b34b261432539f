"""What the contract tests work with: an organisation, a bot and strangers of their own on whichever forge it is."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import requests

from chalicelib.forgejo.client import Forgejo
from chalicelib.forgejo.files import Author

AUTHOR = Author("Ann Author", "ann@example.org")


@dataclass(frozen=True)
class Repository:
    owner: str
    name: str

    @property
    def path(self) -> str:
        return f"repos/{self.owner}/{self.name}"


@dataclass(frozen=True)
class Account:
    login: str
    password: str


@dataclass
class World:
    """One run of the suite. Names carry its tag, so that several runs fit on one forge."""

    url: str
    admin: tuple[str, str]
    is_local: bool
    tag: str = field(default_factory=lambda: secrets.token_hex(4))
    _logins: list[str] = field(default_factory=list)
    _repositories: list[Repository] = field(default_factory=list)
    bot: str = ""
    token: str = ""

    @property
    def org(self) -> str:
        return f"ct-org-{self.tag}"

    def set_up(self) -> None:
        forge = self.client(token="")
        forge.ensure_organization(self.org)
        self.bot = self.account("bot").login
        self.token = forge.create_token(self.bot, "suite", ["write:repository"])

    def tear_down(self) -> None:
        for one in self._repositories:
            self.api("DELETE", one.path)
        for login in self._logins:
            self.api("DELETE", f"admin/users/{login}?purge=true")
        self.api("DELETE", f"orgs/{self.org}")

    def client(
        self, *, token: str | None = None, session: requests.Session | None = None, sleep: Callable[[float], None] = time.sleep
    ) -> Forgejo:
        """Return a client with the bot's token (or another) and the site admin's password."""
        return Forgejo(self.url, self.token if token is None else token, session, sleep, self.admin)

    def account(self, role: str) -> Account:
        """Make an account of this run: a login, and the password it was made with."""
        made = self._account(role)
        self.client().ensure_user(made.login, f"{made.login}@example.org", made.password)
        return made

    def account_as_the_forge_makes_it(self, role: str) -> Account:
        """Make an account of this run by naming nothing but what the API asks for."""
        made = self._account(role)
        body = {"username": made.login, "email": f"{made.login}@example.org", "password": made.password}
        assert self.api("POST", "admin/users", body).status_code == 201
        return made

    def repository(self) -> Repository:
        """Make a repository as registration does, the bot being its collaborator."""
        one = Repository(self.org, f"job-manifests-{secrets.token_hex(4)}")
        self._repositories.append(one)
        forge = self.client()
        forge.ensure_repository(one.owner, one.name, "made by a contract test")
        forge.ensure_collaborator(one.owner, one.name, self.bot, "write")
        return one

    def empty_repository(self) -> Repository:
        one = Repository(self.org, f"empty-{secrets.token_hex(4)}")
        self._repositories.append(one)
        assert self.api("POST", f"orgs/{self.org}/repos", {"name": one.name, "private": True}).status_code == 201
        return one

    def api(
        self, method: str, path: str, body: object = None, *, token: str | None = None, basic: tuple[str, str] | None = None
    ) -> requests.Response:
        """Call the API by hand: as the site admin, or with a token or a password."""
        headers = {"Authorization": f"token {token}"} if token else {}
        with requests.Session() as session:
            session.trust_env = False
            auth = None if token else basic or self.admin
            return session.request(method, f"{self.url}/api/v1/{path}", json=body, headers=headers, auth=auth, timeout=30)

    def _account(self, role: str) -> Account:
        named = Account(f"ct-{role}-{self.tag}-{secrets.token_hex(2)}", secrets.token_urlsafe(20))
        self._logins.append(named.login)
        return named

    def git_url(self, one: Repository, login: str, secret: str) -> str:
        return self.client().clone_url(one.owner, one.name).replace("://", f"://{login}:{secret}@", 1)
