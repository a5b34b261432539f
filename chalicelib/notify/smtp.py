"""Mails by an SMTP server."""

import smtplib
import ssl
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from chalicelib.domain.errors import Stalled, Unavailable
from chalicelib.notify.mail import Mail, message

TIMEOUT_S = 10


@dataclass(frozen=True, slots=True)
class Server:
    """An SMTP server. user: empty if it asks for no login. password: sent over TLS only."""

    host: str
    port: int
    security: Literal["tls", "starttls", "none"]
    user: str = ""
    password: str = ""


class SmtpMailer:
    """One connection for each mail: a few an hour need no pool. trust: which certificates count; the system's unless given."""

    def __init__(self, server: Server, sender: str, trust: ssl.SSLContext | None = None) -> None:
        if server.user and server.security == "none":
            raise ValueError("a password is not sent without TLS: set SMTP_SECURITY to tls or starttls")
        self._server = server
        self._sender = sender
        self._trust = trust or ssl.create_default_context()

    def send(self, mail: Mail, now: datetime) -> None:
        written = message(mail, self._sender, now)
        try:
            with self._connected() as connection:
                connection.send_message(written, self._sender, [mail.to])
        except smtplib.SMTPRecipientsRefused as e:
            code, _ = e.recipients[mail.to]
            raise _refused(code) from e
        except smtplib.SMTPResponseException as e:
            raise _refused(e.smtp_code) from e
        except (smtplib.SMTPException, OSError) as e:
            raise Unavailable(f"the mail server did not answer: {type(e).__name__}", code="mail_unavailable") from e

    def _connected(self) -> smtplib.SMTP:
        server = self._server
        if server.security == "tls":
            connection: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=TIMEOUT_S, context=self._trust)
        else:
            connection = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_S)
        try:
            if server.security == "starttls":
                # Raises if the server offers none: nothing is said in the open.
                connection.starttls(context=self._trust)
            if server.user:
                connection.login(server.user, server.password)
        except BaseException:
            connection.close()
            raise
        return connection


def _refused(code: int) -> Stalled | Unavailable:
    # 4xx: later. 535: our password, which a person has to mend, and then the mail still goes.
    if 500 <= code < 600 and code not in (530, 534, 535):
        return Stalled(f"the mail server refused the mail: {code}", code="mail_refused")
    return Unavailable(f"the mail server did not take the mail: {code}", code="mail_unavailable")
