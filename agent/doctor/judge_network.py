"""What `doctor` makes of network, credentials and clock. Pure."""

from collections.abc import Callable, Iterator, Mapping

from agent.doctor.checks import Check, fail, ok, warn
from agent.doctor.facts import Facts, Reach, Step
from agent.errors import remedy

SLOW_S = 3.0
OFF_S, FAR_OFF_S = 30, 300
_SET_CLOCK = "timedatectl set-ntp true (or start chrony or ntpd)"
_MEND: Mapping[Step, str] = {
    "address": "correct api_url in config.yaml",
    "proxy": "check https_proxy and no_proxy in the environment that starts the agent",
    "dns": "getent hosts {host}; cat /etc/resolv.conf",
    "connect": "curl -v {url}/api/health; check firewall and route",
    "timeout": "curl -v {url}/api/health; something in between takes connections and does not answer",
    "tls": "if your network has a certificate authority of its own, name its file as `ca_file` in config.yaml",
    "other": "curl -v {url}/api/health",
}


def api(facts: Facts) -> Iterator[Check]:
    if facts.net is None:
        return
    found = facts.net.api
    through = f" through the proxy {found.proxy}" if found.proxy else ""
    if found.failed:
        yield fail("api", f"{found.url}{through}: {_what(found)}", _MEND[found.failed].format(host=found.host, url=found.url))
    elif found.took_s > SLOW_S:
        yield warn("api", f"{found.url}{through} took {found.took_s:.1f} s to answer", f"curl -v {found.url}/api/health")
    else:
        yield ok("api", f"{found.url}{through} answered within {found.took_s * 1000:.0f} ms")


def _what(found: Reach) -> str:
    words: dict[Step, str] = {
        "dns": f"the name {found.host} cannot be resolved: {found.words}",
        "tls": f"its certificate is not trusted: {found.words}",
        "proxy": f"the proxy refuses: {found.words}",
    }
    return words.get(found.failed or "other", found.words)


def token(facts: Facts) -> Iterator[Check]:
    if facts.net is None or not facts.net.is_token_asked:
        return
    if facts.net.token:
        yield fail("token", facts.net.token.message, remedy(facts.net.token.code))
    else:
        yield ok("token", "the control plane takes this machine's token")


def forge(facts: Facts) -> Iterator[Check]:
    if facts.net is None:
        return
    if facts.net.forge:
        yield fail("forge", facts.net.forge.message, remedy(facts.net.forge.code))
    else:
        yield ok("forge", f"{facts.net.forge_url} takes our credential; the branch is at {(facts.net.head or '')[:12]}")


def clock(facts: Facts) -> Iterator[Check]:
    skew_s = facts.net.api.skew_s if facts.net else None
    if skew_s is None:
        return
    told = f"this machine's clock is {abs(skew_s):.0f} s {'ahead of' if skew_s > 0 else 'behind'} the control plane's"
    if abs(skew_s) > FAR_OFF_S:
        yield fail("clock", told, _SET_CLOCK)
    elif abs(skew_s) > OFF_S:
        yield warn("clock", told, _SET_CLOCK)
    else:
        yield ok("clock", "within a few seconds of the control plane's")


def zone(facts: Facts) -> Iterator[Check]:
    if facts.zone is None:
        why = "the time zone of this machine cannot be told, so the control plane cannot know when its jobs are due"
        yield warn("zone", why, "timedatectl set-timezone Europe/Berlin, or whatever it is")
    elif not facts.has_zone:
        yield warn("zone", f"the system has no data for {facts.zone}", "install tzdata (Debian: apt install tzdata)")
    else:
        yield ok("zone", f"{facts.zone}, and the system knows its rules")


NETWORK_CHECKS: tuple[Callable[[Facts], Iterator[Check]], ...] = (api, token, forge, clock, zone)
