"""From the ledger's stream to what is derived from it."""

import secrets
from functools import partial
from typing import Any

from chalice.app import Blueprint

from chalicelib.services import projections
from chalicelib.workers.observed import Done, Part, observed, one_by_one

bp = Blueprint(__name__)

# Which stream it is says infra/resources.yaml: an ARN is known only when the table is there.
_STREAM = "arn:aws:dynamodb:us-east-1:000000000000:table/runs/stream/named-by-the-template"


@bp.on_dynamodb_record(stream_arn=_STREAM, batch_size=100, starting_position="TRIM_HORIZON")
@observed
def project_runs(event: Any) -> Done:
    """Bring every instance up to date that one of these runs belongs to."""
    groups = projections.by_instance(event.to_dict()["Records"])
    return one_by_one(Part(group.positions, partial(group.project, secrets.token_bytes)) for group in groups)
