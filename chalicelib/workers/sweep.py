"""The minute sweep."""

import secrets
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from chalice.app import Blueprint

from chalicelib.services import sweep
from chalicelib.workers.observed import Done, observed

bp = Blueprint(__name__)

# Less than the function's timeout in .chalice/config.json.
_TIME = timedelta(seconds=45)


@bp.schedule("rate(1 minute)")
@observed
def sweep_minute(event: Any) -> Done:
    """Look at every instance whose moment has come."""
    end = time.monotonic() + _TIME.total_seconds()
    done = sweep.sweep(
        lambda: datetime.now(UTC), str(uuid.uuid4()), lambda: timedelta(seconds=end - time.monotonic()), secrets.token_bytes
    )
    return Done({**done.counts, "minutes": done.minutes, "lag_s": int(done.lag.total_seconds())})
