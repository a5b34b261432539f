"""What a mail is, and what every way of sending one can do."""

from dataclasses import dataclass
from datetime import datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from typing import Protocol

from chalicelib.domain.errors import Stalled

SENDER_NAME = "Crontopus"


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail to one person. text: always there; html: the same for those who like it."""

    to: str
    subject: str
    text: str
    html: str


class Mailer(Protocol):
    """A way out for mails."""

    def send(self, mail: Mail, now: datetime) -> None:
        """Hand a mail over. Raise Unavailable if waiting may help, Stalled if this mail will never be taken."""


def message(mail: Mail, sender: str, now: datetime) -> EmailMessage:
    """Return the mail as RFC 5322 has it, from `sender`, an address. Raise Stalled if an address cannot stand in a header."""
    written = EmailMessage(policy=SMTP)
    try:
        written["From"] = Address(SENDER_NAME, addr_spec=sender)
        written["To"] = Address(addr_spec=mail.to)
    except (ValueError, IndexError, HeaderParseError) as e:
        raise Stalled("this address cannot get mail", code="mail_refused") from e
    # Whatever a subject is made from, it stays one line.
    written["Subject"] = " ".join(mail.subject.split())
    written["Date"] = format_datetime(now)
    written["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    # Keeps holiday notices from answering.
    written["Auto-Submitted"] = "auto-generated"
    written.set_content(mail.text)
    written.add_alternative(mail.html, subtype="html")
    return written
