"""Enrolment: hand in a token, get an identity."""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any

from agent import audit, keyrings
from agent.client import Api
from agent.config import DEFAULT_CRONTAB, Config, Remote, check_url, load_config, save_config
from agent.home import Home, make_private, read_secret
from agent.settings import with_settings_of
from agent.trust import Trust
from chalicelib.domain.endpoints import Facts
from chalicelib.domain.errors import Forbidden, Stalled, Unauthenticated

_TENANT = re.compile(r"/job-manifests-([a-z0-9-]+)(?:\.git)?$")


def enroll(home: Home, api: Api, facts: Facts, crontab: str, ca_file: str | None = None) -> Config:
    """Enroll this machine and write down who it is now. The configuration comes last: with it, the machine is enrolled.

    Settings that a person made in an earlier configuration stay.
    """
    make_private(home.directory)
    try:
        answer = api.enroll(asdict(facts) | _proof(home, api.url))
    except (Unauthenticated, Forbidden) as e:
        raise Stalled(f"the enrollment token was refused: {e.message}; make a new one", code="api_refused") from e
    config, token, git_token = _read(answer, api.url, facts.name, crontab)
    former_id = None
    with suppress(Stalled):
        former = load_config(home, {})  # a variable of this moment is no setting to write down
        config = replace(with_settings_of(config, former), crontab=crontab)
        former_id = former.endpoint_id
        if former_id != config.endpoint_id:
            home.status.unlink(missing_ok=True)
    config = replace(config, ca_file=ca_file or config.ca_file)
    keyrings.keep(home.agent_token, token, config.credentials)
    keyrings.keep(home.git_token, git_token, config.credentials)
    save_config(home, config)
    who = {"endpoint_id": config.endpoint_id, "tenant_id": config.tenant_id, "former_endpoint_id": former_id}
    audit.record(home, "enrolled", who | {"api_url": config.api_url, "repository": config.git.url})
    return config


def known_crontab(home: Home) -> str:
    """Return the program that an earlier enrolment, or a person, wrote down."""
    with suppress(Stalled):
        return load_config(home, {}).crontab
    return DEFAULT_CRONTAB


def known_trust(home: Home, ca_file: str | None) -> Trust:
    """Return whom to believe to be the control plane: as an earlier configuration says, or the file that is named now."""
    with suppress(Stalled):
        known = load_config(home, {}).trust
        return replace(known, ca_file=ca_file or known.ca_file)
    return Trust(ca_file)


def _proof(home: Home, api_url: str) -> dict[str, str | None]:
    """Return our former token, if this very control plane gave it: it shows another tenant's endpoint to be this machine."""
    with suppress(Stalled):
        if load_config(home).api_url == api_url:
            return {"previous_token": read_secret(home.agent_token)}
    return {}


def _read(answer: Mapping[str, Any], api_url: str, name: str, crontab: str) -> tuple[Config, str, str]:
    """Return the configuration, our token and the forge's."""
    try:
        endpoint, git = answer["endpoint"], answer["git"]
        url, branch, username = (str(git[key]) for key in ("url", "branch", "username"))
        token, git_token = str(answer["token"]), str(git["token"])
        endpoint_id = str(endpoint["id"])
    except (KeyError, TypeError) as e:
        raise Stalled(f"the API's answer lacks {e}", code="api_refused") from e
    if not all(is_plain(word) for word in (token, git_token, endpoint_id, branch, username)):
        raise Stalled("the API's answer holds credentials that are not one plain word each", code="api_refused")
    remote = Remote(check_url(url, "the repository's address"), branch, username)
    tenant = endpoint.get("tenant_id") or next(iter(_TENANT.findall(remote.url)), None)
    return Config(api_url, endpoint_id, name, remote, tenant, crontab), token, git_token


def is_plain(word: str) -> bool:
    """Tell whether a credential can stand in a header and on a line of its own."""
    return word.isascii() and word.isprintable() and " " not in word and bool(word)
