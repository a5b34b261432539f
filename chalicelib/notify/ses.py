"""Mails by Amazon SES."""

from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain.errors import Stalled, Unavailable
from chalicelib.notify.mail import Mail, message

# What SES says of this very mail; everything else may pass.
_FINAL = frozenset({"MessageRejected", "BadRequestException", "NotFoundException"})


class SesMailer:
    """client: of the service sesv2. sender: an address of a verified identity."""

    def __init__(self, client: Any, sender: str) -> None:
        self._client = client
        self._sender = sender

    def send(self, mail: Mail, now: datetime) -> None:
        raw = message(mail, self._sender, now).as_bytes()
        try:
            self._client.send_email(
                FromEmailAddress=self._sender, Destination={"ToAddresses": [mail.to]}, Content={"Raw": {"Data": raw}}
            )
        except ClientError as e:
            code = e.response["Error"]["Code"]
            if code in _FINAL:
                raise Stalled(f"SES refused the mail: {code}", code="mail_refused") from e
            raise Unavailable(f"SES did not take the mail: {code}", code="mail_unavailable") from e
        except BotoCoreError as e:
            raise Unavailable(f"SES did not answer: {type(e).__name__}", code="mail_unavailable") from e
