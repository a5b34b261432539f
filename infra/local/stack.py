"""The stack below the agent: embedded AWS, forge, deployed application. `make up` and the end-to-end tests start this one."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from infra.local.deploy import connect, deploy
from infra.local.forge.provision import BotCredential, provision
from infra.local.kept_secrets import KeptSecrets
from infra.local.layout import Layout, OutsideForge, Ports, login_providers
from infra.local.names import MAIL_FROM, ORGANIZATION, STAGE
from infra.local.processes import Processes
from infra.local.releases import publish_own
from infra.local.services import NAMES, Services, status
from infra.local.stopped import Stopped
from infra.package import Package

_BOT = "forge-bot.json"


class Stack:
    """One local stack in one folder.

    outside: a forge to use in place of a local one. inside: what starts a command on the agent's machine; nothing here.
    """

    def __init__(self, layout: Layout, ports: Ports, outside: OutsideForge | None = None, inside: Sequence[str] = ()) -> None:
        self.layout = layout
        self.ports = ports
        self.processes = Processes(layout.run, layout.logs)
        self.secrets = KeptSecrets(layout.secrets)
        self.services = Services(layout, ports, self.processes, inside)
        self._outside = outside

    @property
    def forge_url(self) -> str:
        return self._outside.url if self._outside else self.ports.forge_url

    def start_forge(self) -> str:
        """Start the forge, unless it is an outside one, and make the organisation and the account that commits."""
        done = "outside" if self._outside else self.services.start_forge(self.secrets)
        kept = self._kept_bot()
        # A new token puts the one before out of force, and warm functions remember that for minutes.
        if kept is None or status(f"{self.forge_url}/api/v1/user", kept.token) == 401:
            self.secrets.write(_BOT, json.dumps(asdict(provision(self.forge_url, *self._forge_admin()))))
        return done

    def deploy(self, package: Package) -> str:
        """Deploy the package and return what was done: created, updated or unchanged."""
        bot = self._kept_bot()
        if bot is None:
            raise Stopped("the forge has no account for the application yet")
        providers = login_providers()
        secret = {
            "jwt_keys": self.secrets.signing_keys(),
            "forge_token": bot.token,
            "forge_admin": ":".join(self._forge_admin()),
            "sso": dict(providers.secrets),
        }
        parameters = {
            "Stage": STAGE,
            "ForgeUrl": self.forge_url,
            "ForgePublicUrl": self.forge_url,
            "ForgeOrganization": ORGANIZATION,
            "ForgeBot": bot.login,
            "PublicUrl": self.ports.api_url,
            # Everybody here comes from 127.0.0.1, the tests' many tenants too.
            "RateLimitFactor": "100",
            "TrustedNetworks": "127.0.0.0/8",
            "EmailVerification": "optional",
            "MailFrom": MAIL_FROM,
            **providers.parameters,
            **publish_own(self.layout.releases, self.secrets, self.ports.api_url),
        }
        return deploy(connect(self.ports.aws_url), package, parameters, secret)

    def stop(self) -> list[str]:
        """Stop every process of this stack and return their names; its state stays."""
        return [name for name in NAMES if self.processes.stop(name)]

    def _kept_bot(self) -> BotCredential | None:
        path = self.secrets.path(_BOT)
        return BotCredential(**json.loads(path.read_text())) if path.exists() else None

    def _forge_admin(self) -> tuple[str, str]:
        if self._outside:
            return self._outside.admin_user, self._outside.admin_password
        admin = self.secrets.forge_admin()
        return admin.login, admin.password
