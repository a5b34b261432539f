"""The stack below the agent: embedded AWS, forge, deployed application. `make up` and the end-to-end tests start this one."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from infra.local.deploy import connect, deploy
from infra.local.forge.provision import BotCredential, provision
from infra.local.kept_secrets import KeptSecrets
from infra.local.layout import Layout, Ports
from infra.local.names import ORGANIZATION, STAGE
from infra.local.processes import Processes
from infra.local.services import NAMES, Services
from infra.package import Package

_BOT = "forge-bot.json"


class Stack:
    """One local stack in one folder."""

    def __init__(self, layout: Layout, ports: Ports) -> None:
        self.layout = layout
        self.ports = ports
        self.processes = Processes(layout.run, layout.logs)
        self.secrets = KeptSecrets(layout.secrets)
        self.services = Services(layout, ports, self.processes)

    def start_emulator(self, checkpoint_every_s: float = 10.0) -> str:
        return self.services.start_emulator(checkpoint_every_s)

    def start_forge(self) -> str:
        """Start the forge with its organisation and the account that commits."""
        done = self.services.start_forge(self.secrets)
        admin = self.secrets.forge_admin()
        credential = provision(self.ports.forge_url, admin.login, admin.password)
        self.secrets.write(_BOT, json.dumps(asdict(credential)))
        return done

    def deploy(self, package: Package) -> str:
        """Deploy the package and return what was done: created, updated or unchanged."""
        credential = BotCredential(**json.loads(self.secrets.path(_BOT).read_text()))
        admin = self.secrets.forge_admin()
        secret: Mapping[str, Any] = {
            "jwt_keys": self.secrets.signing_keys(),
            "forge_token": credential.token,
            "forge_admin": f"{admin.login}:{admin.password}",
        }
        parameters = {
            "Stage": STAGE,
            "ForgeUrl": self.ports.forge_url,
            "ForgePublicUrl": self.ports.forge_url,
            "ForgeOrganization": ORGANIZATION,
            "ForgeBotLogin": credential.login,
        }
        return deploy(connect(self.ports.aws_url), package, parameters, secret)

    def stop(self, on_stopped: Callable[[str], None] = lambda _: None) -> None:
        """Stop every process of this stack; its state stays."""
        for name in NAMES:
            if self.processes.stop(name):
                on_stopped(name)
