"""The agent's own token: read anew whenever it is used, and replaced every 30 days.

The control plane keeps the old one for a day and answers the very same successor to who asks again, so an agent that dies
between the answer and the write goes on where it stopped.
"""

import logging
from datetime import UTC, datetime, timedelta

import requests

from agent import audit, keyrings
from agent.client import Api
from agent.enroll import is_plain
from agent.errors import of_os_error
from agent.home import Home, read_secret
from chalicelib.domain.errors import NotFound, Stalled

log = logging.getLogger(__name__)

ROTATE_AFTER = timedelta(days=30)
LOOK_EVERY_S = 3600.0
_CLOCK_MAY_BE_OFF = timedelta(days=1)


def is_due(home: Home, now: datetime) -> bool:
    """Tell whether the token is older than 30 days. Its file's date says so: it is written when the token is new."""
    try:
        written_at = datetime.fromtimestamp(keyrings.written(home.agent_token).stat().st_mtime, UTC)
    except OSError as e:
        raise of_os_error(e, f"{home.agent_token} cannot be read") from e
    # A date from the future was written by a wrong clock and says nothing.
    return now - written_at >= ROTATE_AFTER or written_at - now > _CLOCK_MAY_BE_OFF


def rotate(home: Home, api_url: str, endpoint_id: str, session: requests.Session | None = None) -> bool:
    """Replace the token and say whether it was: one that an enrolment put there meanwhile stays."""
    token = read_secret(home.agent_token)
    try:
        answer = Api(api_url, token, session).rotate(endpoint_id)
    except NotFound as e:  # an older control plane; asking again soon will not make it a newer one
        raise Stalled("the control plane cannot replace tokens", code="api_refused") from e
    following = answer.get("token")
    if not isinstance(following, str) or not is_plain(following):
        raise Stalled("the API's answer to a rotation holds no token", code="api_refused")
    if read_secret(home.agent_token) != token:
        return False
    keyrings.keep(home.agent_token, following)
    audit.record(home, "token_rotated", {"endpoint_id": endpoint_id})
    log.info("token rotated", extra={"endpoint_id": endpoint_id})
    return True
