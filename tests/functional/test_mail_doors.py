"""The two ways out for mails: a real SMTP server from PyPI, and SES as moto has it."""

import email
import ssl
from datetime import UTC, datetime, timedelta
from email.policy import default

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from chalicelib.domain.errors import Stalled, Unavailable
from chalicelib.notify.mail import Mail, message
from chalicelib.notify.ses import SesMailer
from chalicelib.notify.smtp import Server, SmtpMailer
from tests.fixtures.free_ports import free_ports
from tests.tables import aws, empty_tables

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SENDER = "no-reply@crontopus.example.org"
MAIL = Mail("ada@example.org", "Confirm your address", "Hello äda\n", "<p>Hello äda</p>\n")


class Post:
    """A mail server's memory, and what it says to some addresses."""

    def __init__(self) -> None:
        self.envelopes = []

    async def handle_RCPT(self, server, session, envelope, address, options):
        refusals = {"full@example.org": "452 mailbox full", "gone@example.org": "550 no such user"}
        if address in refusals:
            return refusals[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.envelopes.append(
            (envelope.mail_from, envelope.rcpt_tos, email.message_from_bytes(envelope.content, policy=default))
        )
        return "250 OK"


def only_ada(server, session, envelope, mechanism, data):
    return AuthResult(success=(data.login, data.password) == (b"ada", b"right"))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for localhost, and who trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cafile=path)


@pytest.fixture
def server(certificate):
    """Run a mail server; gives what starts one and stops them all."""
    running = []

    def start(security: str) -> tuple[Post, int]:
        post, port = Post(), free_ports().front
        tls: dict = {"tls": {"ssl_context": certificate[0]}, "starttls": {"tls_context": certificate[0]}}.get(security, {})
        if security != "none":
            tls |= {"authenticator": only_ada, "auth_required": True, "auth_require_tls": security == "starttls"}
        controller = Controller(post, hostname="localhost", port=port, **tls)
        controller.start()
        running.append(controller)
        return post, port

    yield start
    for controller in running:
        controller.stop()


def mailer(port: int, security: str, certificate, user: str = "ada", password: str = "right") -> SmtpMailer:  # noqa: S107
    return SmtpMailer(Server("localhost", port, security, user, password), SENDER, certificate[1])


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_mail_arrives_through_a_server_that_wants_tls_and_a_password(server, certificate, security):
    post, port = server(security)

    mailer(port, security, certificate).send(MAIL, NOW)

    (envelope,) = post.envelopes
    sender, to, arrived = envelope
    assert (sender, to) == (SENDER, ["ada@example.org"])
    assert (arrived["From"], arrived["To"], arrived["Subject"]) == (f"Crontopus <{SENDER}>", "ada@example.org", MAIL.subject)
    assert [part.get_content_type() for part in arrived.iter_parts()] == ["text/plain", "text/html"]
    assert arrived.get_body(("plain",)).get_content().splitlines() == ["Hello äda"]
    assert arrived["Auto-Submitted"] == "auto-generated"


def test_a_relay_without_tls_takes_no_password(server, certificate):
    post, port = server("none")

    mailer(port, "none", certificate, user="").send(MAIL, NOW)

    assert len(post.envelopes) == 1
    with pytest.raises(ValueError, match="without TLS"):
        mailer(port, "none", certificate)


def test_a_server_without_starttls_hears_nothing(server, certificate):
    post, port = server("none")

    with pytest.raises(Unavailable):
        mailer(port, "starttls", certificate).send(MAIL, NOW)

    assert post.envelopes == []


def test_a_server_with_a_foreign_certificate_hears_nothing(server):
    post, port = server("starttls")

    with pytest.raises(Unavailable, match="SSLCertVerificationError"):
        SmtpMailer(Server("localhost", port, "starttls", "ada", "right"), SENDER).send(MAIL, NOW)

    assert post.envelopes == []


@pytest.mark.parametrize(
    ("to", "kind"), [("full@example.org", Unavailable), ("gone@example.org", Stalled), ("no address", Stalled)]
)
def test_a_refusal_says_whether_waiting_helps(server, certificate, to, kind):
    _, port = server("starttls")

    with pytest.raises(kind):
        mailer(port, "starttls", certificate).send(Mail(to, "x", "x", "x"), NOW)


def test_a_wrong_password_of_ours_loses_no_mail(server, certificate):
    _, port = server("starttls")

    with pytest.raises(Unavailable):
        mailer(port, "starttls", certificate, password="wrong").send(MAIL, NOW)


def test_a_server_that_is_away_loses_no_mail(certificate):
    with pytest.raises(Unavailable):
        mailer(free_ports().front, "starttls", certificate).send(MAIL, NOW)


def test_a_subject_stays_one_line():
    written = message(Mail("ada@example.org", "Hello\r\nBcc: eve@example.org", "x", "x"), SENDER, NOW)

    assert written["Subject"] == "Hello Bcc: eve@example.org"
    assert "Bcc" not in written


@pytest.mark.parametrize(
    "to", ["ada@example.org\r\nBcc: eve@example.org", "ada@example.org, eve@example.org", "", "@", "a@b@c"]
)
def test_an_address_is_one_address(to):
    with pytest.raises(Stalled):
        message(Mail(to, "x", "x", "x"), SENDER, NOW)


class TestSes:
    @pytest.fixture(autouse=True)
    def moto(self):
        with empty_tables():
            yield

    def test_a_mail_is_handed_over_whole(self):
        aws("sesv2").create_email_identity(EmailIdentity=SENDER)

        SesMailer(aws("sesv2"), SENDER).send(MAIL, NOW)

        from moto.ses.models import ses_backends

        (sent,) = ses_backends["123456789012"]["eu-central-1"].sent_messages
        arrived = email.message_from_string(sent.raw_data, policy=default)
        assert (arrived["To"], arrived["Subject"]) == ("ada@example.org", MAIL.subject)
        assert [part.get_content_type() for part in arrived.iter_parts()] == ["text/plain", "text/html"]

    def test_an_identity_that_nobody_proved_is_refused(self):
        with pytest.raises(Stalled, match="MessageRejected"):
            SesMailer(aws("sesv2"), SENDER).send(MAIL, NOW)
