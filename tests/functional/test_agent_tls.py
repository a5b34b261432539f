"""Whom the agent believes: a CA of one's own and pinned keys, against servers with certificates made here."""

import base64
import hashlib
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from agent import tls
from agent.client import Api
from agent.doctor.look_network import reach
from agent.gitdoor import Door
from agent.tls import pin_of
from agent.trust import Trust, pin_rule
from chalicelib.domain.errors import CrontopusError, Unavailable


@dataclass
class Host:
    url: str
    ca_file: str
    pin: str


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def do_GET(self) -> None:
        content = b'{"results": []}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        pass


def certificate(folder: Path) -> bytes:
    """Write key and certificate of this machine, signed by itself, and return the certificate as DER."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(private)
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return made.public_bytes(serialization.Encoding.DER)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    folder = tmp_path_factory.mktemp("tls")
    pin = pin_of(certificate(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answer)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield Host(f"https://127.0.0.1:{server.server_address[1]}", str(folder / "cert.pem"), pin)
    server.shutdown()
    server.server_close()


OTHER = f"sha256/{'A' * 43}="


def ask(host: Host, trust: Trust) -> None:
    """Ask API and forge; both have to come to the same."""
    door = Door(f"{host.url}/r.git", "u", "p", trust=trust)
    door.begin()
    failed: list[CrontopusError] = []
    for call in (
        lambda: Api(host.url, "cte_x", tls.session(trust)).check_in([]),
        lambda: door.request("GET", f"{host.url}/r.git/info/refs").read(),
    ):
        try:
            call()
        except CrontopusError as e:
            failed.append(e)
    assert len(failed) in (0, 2)
    if failed:
        raise failed[0]


def test_a_certificate_of_nobody_is_refused_and_named(host: Host) -> None:
    with pytest.raises(Unavailable, match="not trusted: self-signed certificate"):
        ask(host, Trust())

    assert reach(host.url).failed == "tls"


def test_a_ca_of_ones_own_is_believed_whatever_the_environment_says(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", requests.certs.where())

    ask(host, Trust(host.ca_file))
    assert reach(host.url, Trust(host.ca_file)).failed is None


def test_one_of_the_pinned_keys_is_enough(host: Host) -> None:
    ask(host, Trust(host.ca_file, (OTHER, host.pin)))


def test_another_key_than_the_pinned_is_refused_though_its_certificate_is_good(host: Host) -> None:
    with pytest.raises(Unavailable, match="its key is none of those"):
        ask(host, Trust(host.ca_file, (OTHER,)))

    found = reach(host.url, Trust(host.ca_file, (OTHER,)))
    assert (found.failed, found.words) == ("tls", "its key is none of those in `pins`")


def test_a_ca_file_that_is_not_there_is_an_error_and_no_trust(host: Host) -> None:
    with pytest.raises(Unavailable):
        Api(host.url, "cte_x", tls.session(Trust("/nowhere.pem"))).check_in([])


def test_a_pin_is_that_of_openssl(tmp_path: Path) -> None:
    der = certificate(tmp_path)
    spki = (
        x509.load_der_x509_certificate(der)
        .public_key()
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )

    assert pin_of(der) == f"sha256/{base64.b64encode(hashlib.sha256(spki).digest()).decode()}"


@pytest.mark.parametrize("cut", range(0, 120, 7))
def test_what_is_no_certificate_has_no_pin(cut: int, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no certificate"):
        pin_of(certificate(tmp_path)[:cut])


@pytest.mark.parametrize("pin", ["", "sha256/", "md5/x", OTHER + "x", 7, None, OTHER.removeprefix("sha256/")])
def test_what_is_no_pin_is_refused(pin: object) -> None:
    with pytest.raises(ValueError, match="sha256/"):
        pin_rule(pin)
