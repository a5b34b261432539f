"""Looking at the network for `doctor`: how far a request gets, and what the hosts say to our credentials."""

import re
import socket
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import requests

from agent import tls
from agent.client import open_api
from agent.config import Config, is_loopback
from agent.doctor.facts import NetFacts, Reach, Step, Trouble
from agent.gitdoor import Door, Limits
from agent.gitsync import GitSource
from agent.home import Home, read_secret
from agent.trust import EVERYBODY, Trust
from chalicelib.domain.errors import CrontopusError, Invalid

DNS_S = 5.0
TIMEOUT_S = (5, 10)
_LIMITS = Limits(total_s=15, read_s=10)


def look_at_network(home: Home, config: Config) -> NetFacts:
    """Return how API and forge answer. Both are asked at once: each may take seconds to say nothing."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        forge = pool.submit(_forge, home, config)
        api = reach(config.api_url, config.trust)
        token = _token(home, config) if api.failed is None else None
        trouble, head = forge.result()
    return NetFacts(api, config.git.url, token, api.failed is None, trouble, head)


def reach(url: str, trust: Trust = EVERYBODY) -> Reach:
    """Return how far a request without any credential gets."""
    host, proxy = urlsplit(url).hostname or "", proxy_of(url)
    if not proxy and (words := unresolved(host)):
        return Reach(url, host, proxy, "dns", words)
    began = time.monotonic()
    try:
        calls = tls.session(trust)
        # Some auth has to be named, else requests looks for a password in ~/.netrc.
        answer = calls.get(f"{url}/api/health", auth=_nobody, timeout=TIMEOUT_S, allow_redirects=False, stream=True)
        answer.close()
    except requests.RequestException as e:
        step, words = failed_at(e)
        return Reach(url, host, proxy, step, words, took_s=time.monotonic() - began)
    took_s = time.monotonic() - began
    skew_s = skew_of(answer.headers.get("Date"), datetime.now(UTC))
    return Reach(url, host, proxy, status=answer.status_code, took_s=took_s, skew_s=skew_s)


def _nobody(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def proxy_of(url: str) -> str | None:
    """Return the host of the proxy that a request goes through, without its credential."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    proxy = urllib.request.getproxies().get(parts.scheme) or urllib.request.getproxies().get("all")
    if not proxy or is_loopback(host) or urllib.request.proxy_bypass(host):
        return None
    found = urlsplit(proxy if "//" in proxy else f"//{proxy}")
    return f"{found.hostname}:{found.port}" if found.port else found.hostname


def unresolved(host: str) -> str | None:
    """Return why a name cannot be resolved, None if it can. The system's resolver knows no deadline; we do."""
    said: list[str | None] = []

    def ask() -> None:
        try:
            socket.getaddrinfo(host, None)
            said.append(None)
        except OSError as e:
            said.append(e.strerror or str(e))

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(DNS_S)
    return said[0] if said else f"no answer within {DNS_S:g} s"


def failed_at(error: requests.RequestException) -> tuple[Step, str]:
    """Return the step at which a request failed, and what is known of it."""
    said = str(error)
    if isinstance(error, requests.exceptions.ProxyError):
        return "proxy", _reason(said)
    if isinstance(error, requests.exceptions.SSLError):
        return "tls", tls.words(error)
    if isinstance(error, requests.exceptions.ReadTimeout):
        return "timeout", f"it took the connection and said nothing for {TIMEOUT_S[1]} s"
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return "connect", f"no connection within {TIMEOUT_S[0]} s"
    if isinstance(error, requests.exceptions.ConnectionError):
        return "connect", _reason(said)
    return "other", type(error).__name__


def _reason(said: str) -> str:
    """Return the system's own words out of a long chain of causes."""
    found = re.search(r"\[Errno -?\d+\] ([A-Za-z ,'-]+)", said) or re.search(r"Tunnel connection failed: ([^'\")]+)", said)
    return found[1].strip() if found else "the connection broke off"


def skew_of(date: str | None, now: datetime) -> float | None:
    """Return how far our clock is ahead of a Date header, None if there is none to be read."""
    try:
        return (now - parsedate_to_datetime(date or "")).total_seconds()
    except (ValueError, TypeError):
        return None


def _token(home: Home, config: Config) -> Trouble | None:
    """Ask for nothing with our token: a report of no runs. That it is empty is what the API objects to once it knows us."""
    try:
        open_api(config, read_secret(home.agent_token)).check_in([])
    except Invalid:
        return None
    except CrontopusError as e:
        return Trouble(e.code, e.message)
    return None


def _forge(home: Home, config: Config) -> tuple[Trouble | None, str | None]:
    url = config.git.url
    if not proxy_of(url) and (words := unresolved(urlsplit(url).hostname or "")):
        return Trouble("git_unavailable", f"the name {urlsplit(url).hostname} cannot be resolved: {words}"), None
    try:
        door = Door(url, config.git.username, read_secret(home.git_token), _LIMITS, config.trust)
        return None, GitSource(home.repo, url, config.git.branch, door).head()
    except CrontopusError as e:
        return Trouble(e.code, e.message), None
