"""Prepare a forge, local or real, for the control plane: the organisation, the bot and the bot's token.

python -m infra.local.forge.provision --url URL --admin-user NAME --admin-password-file FILE
prints {"login": ..., "token": ...}.
"""

import argparse
import json
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path

from chalicelib.forgejo.client import Forgejo

ORGANIZATION = "crontopus"
BOT = "crontopus-api"
BOT_EMAIL = f"{BOT}@crontopus.invalid"
TOKEN_NAME = "control-plane"
SCOPES = ("write:repository",)


@dataclass(frozen=True, slots=True)
class BotCredential:
    login: str
    token: str = field(repr=False)


def provision(url: str, admin_user: str, admin_password: str) -> BotCredential:
    """Make what is missing and return the bot's new token; the one from an earlier run is out of force from then on.

    The bot owns nothing and is a member of nothing: registration makes it a collaborator with `write` of each
    tenant's repository (`ensure_collaborator`). So its token, if it leaks, changes files and no settings.
    """
    forge = Forgejo(url, token="", basic=(admin_user, admin_password))
    forge.ensure_organization(ORGANIZATION)
    # Nobody signs in as the bot: its password is forgotten here.
    forge.ensure_user(BOT, BOT_EMAIL, secrets.token_urlsafe(30))
    return BotCredential(BOT, forge.create_token(BOT, TOKEN_NAME, SCOPES))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m infra.local.forge.provision", description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--admin-user", required=True)
    parser.add_argument("--admin-password-file", type=Path, required=True)
    args = parser.parse_args()
    credential = provision(args.url, args.admin_user, args.admin_password_file.read_text().strip())
    print(json.dumps(asdict(credential)))


if __name__ == "__main__":
    main()
