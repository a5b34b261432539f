"""Where the local stack keeps its state and where it listens. The one place that reads its environment.

Standard library only: `make up` reads it before anything is installed.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.local.names import HOST
from infra.local.stopped import Stopped

CHECKOUT = Path(__file__).resolve().parents[2]
VENV = CHECKOUT / ".venv"
EMULATOR_VENV = CHECKOUT / ".local" / "emulator-venv"


@dataclass(frozen=True, slots=True)
class Layout:
    """The folder of one local stack; everything it writes is inside."""

    root: Path

    @property
    def emulator(self) -> Path:
        return self.root / "emulator"

    @property
    def forge(self) -> Path:
        return self.root / "forge"

    @property
    def agent_home(self) -> Path:
        return self.root / "agent"

    @property
    def cli_config(self) -> Path:
        return self.root / "cli"

    @property
    def releases(self) -> Path:
        return self.root / "releases"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def secrets(self) -> Path:
        return self.root / "secrets"

    def folders(self) -> tuple[Path, ...]:
        """Return the folders that hold this stack's state: what a reset removes."""
        return (self.emulator, self.forge, self.agent_home, self.cli_config, self.releases, self.logs, self.run, self.secrets)


@dataclass(frozen=True, slots=True)
class Ports:
    """front: the application's address for people, agents and hooks; aws: the embedded AWS; forge: the git server."""

    front: int
    aws: int
    forge: int

    @property
    def api_url(self) -> str:
        return f"http://{HOST}:{self.front}"

    @property
    def aws_url(self) -> str:
        return f"http://{HOST}:{self.aws}"

    @property
    def forge_url(self) -> str:
        return f"http://{HOST}:{self.forge}"


DEFAULT_PORTS = Ports(front=8080, aws=4566, forge=3000)


def layout(environment: Mapping[str, str] = os.environ) -> Layout:
    """Return the layout that the environment names (CRONTOPUS_LOCAL), by default .local in the checkout."""
    return Layout(Path(environment.get("CRONTOPUS_LOCAL") or CHECKOUT / ".local").absolute())


def wanted_ports(environment: Mapping[str, str] = os.environ) -> dict[str, int]:
    """Return the ports that the environment asks for: CRONTOPUS_PORT, CRONTOPUS_AWS_PORT, CRONTOPUS_FORGE_PORT."""
    variables = {"front": "CRONTOPUS_PORT", "aws": "CRONTOPUS_AWS_PORT", "forge": "CRONTOPUS_FORGE_PORT"}
    return {name: int(environment[variable]) for name, variable in variables.items() if environment.get(variable)}


def clean_environment(**more: str) -> dict[str, str]:
    """Return an environment for our processes: the way to programs and home, and nothing that this shell happens to hold."""
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "USER", "LOGNAME", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
    return {name: os.environ[name] for name in kept if name in os.environ} | {"PYTHONUNBUFFERED": "1"} | more


def refuse_unusable(where: Layout) -> None:
    """Raise Stopped if the folder's name cannot stand in a crontab line: the jobs' wrapper lives in it."""
    if any(character.isspace() or character == "%" for character in str(where.root)):
        raise Stopped(
            f"{where.root} has a space or a % in its name, and cron splits its lines there.\n"
            "Keep the state somewhere else, with the same for `make down`:  make up CRONTOPUS_LOCAL=$HOME/.crontopus-local"
        )


@dataclass(frozen=True, slots=True)
class OutsideForge:
    """A real Forgejo in place of the local forge, with its administrator."""

    url: str
    admin_user: str
    admin_password: str


def outside_forge(environment: Mapping[str, str] = os.environ) -> OutsideForge | None:
    """Return the forge that FORGEJO_URL, FORGEJO_ADMIN_USER and FORGEJO_ADMIN_PASSWORD name, None if they do not.

    Raise KeyError, naming the variable, if there is a URL and no administrator.
    """
    if not (url := environment.get("FORGEJO_URL")):
        return None
    return OutsideForge(url.rstrip("/"), environment["FORGEJO_ADMIN_USER"], environment["FORGEJO_ADMIN_PASSWORD"])


@dataclass(frozen=True, slots=True)
class LoginProviders:
    """Where people can log in besides here. parameters: of the template. secrets: provider -> our client secret there."""

    parameters: Mapping[str, str]
    secrets: Mapping[str, str]


def login_providers(environment: Mapping[str, str] = os.environ) -> LoginProviders:
    """Return the providers that the environment names.

    CRONTOPUS_OIDC_ISSUER, _CLIENT_ID, _CLIENT_SECRET, _LABEL and _SCOPES; client id and secret of CRONTOPUS_GOOGLE_, _GITHUB_.
    """
    named = {
        "SsoOidcIssuer": "CRONTOPUS_OIDC_ISSUER",
        "SsoOidcClientId": "CRONTOPUS_OIDC_CLIENT_ID",
        "SsoOidcLabel": "CRONTOPUS_OIDC_LABEL",
        "SsoOidcScopes": "CRONTOPUS_OIDC_SCOPES",
        "SsoGoogleClientId": "CRONTOPUS_GOOGLE_CLIENT_ID",
        "SsoGitHubClientId": "CRONTOPUS_GITHUB_CLIENT_ID",
    }
    # Left out would mean: as at the last deployment.
    parameters = {name: environment.get(variable, "") for name, variable in named.items()}
    secrets = {name: environment.get(f"CRONTOPUS_{name.upper()}_CLIENT_SECRET", "") for name in ("oidc", "google", "github")}
    return LoginProviders(parameters, {name: secret for name, secret in secrets.items() if secret})
