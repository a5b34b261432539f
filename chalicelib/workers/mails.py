"""Sending the mails that requests asked for."""

from datetime import UTC, datetime
from functools import partial
from typing import Any

from chalice.app import Blueprint

from chalicelib.services import doors, mails
from chalicelib.workers.observed import Done, Part, observed, one_by_one

bp = Blueprint(__name__)


@bp.on_sqs_message(queue="crontopus-mails", batch_size=5)
@observed
def send_mails(event: Any) -> Done:
    """Write and send each mail; one that fails is tried again, at last it lies in the queue of what was given up."""
    return one_by_one(Part([record["messageId"]], partial(_send, record["body"])) for record in event.to_dict()["Records"])


def _send(text: str) -> str:
    return mails.deliver(doors.office(), text, datetime.now(UTC))
