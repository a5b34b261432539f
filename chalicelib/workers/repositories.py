"""Looking after tenants' repositories."""

import secrets
from typing import Any

from chalice.app import Blueprint

from chalicelib.services import pings_waiting, polling
from chalicelib.workers.observed import Done, observed

bp = Blueprint(__name__)


@bp.schedule("rate(1 minute)")
@observed
def tend_repositories(event: Any) -> Done:
    """Look at what was pushed since the last minute and no webhook told of, and commit what pings have ended."""
    poll = polling.open_poll(secrets.token_bytes)
    return Done({**poll.tend_changed(), "resumed": pings_waiting.tend_waiting(poll)})
