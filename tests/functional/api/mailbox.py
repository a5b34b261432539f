"""Everybody's mailbox: what the API asked for, written and sent as the worker does it."""

import os
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from html.parser import HTMLParser
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


class _Inputs(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "input" and (name := given.get("name")):
            self.fields[name] = given.get("value") or ""


def form_of(page: str, **filled: str) -> dict[str, str]:
    """Return what a browser sends from this page's form after somebody filled these fields in."""
    inputs = _Inputs()
    inputs.feed(page)
    assert set(filled) <= set(inputs.fields), f"the form has no such field: {sorted(inputs.fields)}"
    return inputs.fields | filled


def link_in(mail: Mail) -> tuple[str, dict[str, str]]:
    """Return path and parameters of the link in a mail."""
    address = urlsplit(next(word for word in mail.text.split() if "token=" in word))
    return address.path, dict(parse_qsl(address.query))
