"""Everybody's mailbox: what the API asked for, written and sent as the worker does it."""

import os
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

from chalicelib.domain.errors import Unavailable
from chalicelib.notify.mail import Mail
from chalicelib.services import doors, mails
from tests.tables import aws


@dataclass
class Mailbox:
    """mails: all that came. words: what became of each that was asked for."""

    mails: list[Mail] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    is_away: bool = False

    def send(self, mail: Mail, now: datetime) -> None:
        if self.is_away:
            raise Unavailable("the test took the mail server away")
        self.mails.append(mail)

    def look(self) -> list[Mail]:
        """Return the mails that have come since somebody looked last."""
        before = len(self.mails)
        queue = os.environ["MAIL_QUEUE"]
        # Without a visibility timeout, what failed is there again at once.
        ask = {"QueueUrl": queue, "MaxNumberOfMessages": 10, "VisibilityTimeout": 0}
        while found := aws("sqs").receive_message(**ask).get("Messages"):
            for message in found:
                office = replace(doors.office(), mailer=self)
                self.words.append(mails.deliver(office, message["Body"], datetime.now(UTC)))
                aws("sqs").delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return self.mails[before:]


def link_in(mail: Mail) -> tuple[str, dict[str, str]]:
    """Return path and parameters of the link in a mail."""
    address = urlsplit(next(word for word in mail.text.split() if "token=" in word))
    return address.path, dict(parse_qsl(address.query))
