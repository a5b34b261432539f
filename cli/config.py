"""The environment, and the folder of our own files. Nothing else reads os.environ."""

import os
from collections.abc import Mapping
from pathlib import Path

import platformdirs

ENVIRONMENT = {
    "CRONTOPUS_API_URL": "address of the API; --api-url wins over it",
    "CRONTOPUS_TOKEN": "API token to use instead of the stored login",
    "CRONTOPUS_PROFILE": "profile of config.toml to use; --profile wins over it",
    "CRONTOPUS_CONFIG_DIR": "folder that holds config.toml and credentials.json",
    "CRONTOPUS_PAGER": "what shows long results on a terminal, such as less; wins over PAGER",
    "NO_COLOR": "any value: no colours and no other escape codes",
    "CLICOLOR": "0: no colours",
    "CLICOLOR_FORCE": "any value but 0: colours also on a pipe",
}


def environment() -> Mapping[str, str]:
    """Return the environment of this process."""
    return os.environ


def folder(environ: Mapping[str, str]) -> Path:
    """Return the folder of the command line's own files. It is not the agent's: the two may run as one user."""
    if given := environ.get("CRONTOPUS_CONFIG_DIR"):
        return Path(given).expanduser()
    return platformdirs.user_config_path("crontopus", appauthor=False)


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder of what may be lost at any time."""
    given = environ.get("CRONTOPUS_CONFIG_DIR")
    return Path(given).expanduser() / "cache" if given else platformdirs.user_cache_path("crontopus", appauthor=False)
