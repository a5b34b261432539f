"""Failed logins make the next try wait; see chalicelib/domain/login_delays.py for how long.

A try is written down as a failure before the password is looked at, so that no number of tries at once gets around it, and
struck out when the password is right.
"""

import hashlib
from datetime import datetime, timedelta

from chalicelib.domain import login_delays as rules
from chalicelib.domain.errors import TooManyRequests
from chalicelib.store import failures as failure_store
from chalicelib.store.failures import Failures

_TRIES = 5


class Guard:
    """Watches the logins of one request. factor: multiplies how many tries are free, as every rate limit."""

    def __init__(self, username: str, address: str, factor: int) -> None:
        account = hashlib.sha256(username.encode()).hexdigest()[:32]
        self._known = _known_key(account, address)
        self._address = f"failed#from#{address}"
        self._from_here = f"failed#of#{account}#{address}"
        self._from_anywhere = f"failed#of#{account}"
        self._factor = factor
        self._counted = self._from_anywhere

    def begin(self, now: datetime) -> None:
        """Count a try. Raise TooManyRequests if it comes too early, Unavailable if that cannot be known."""
        for _ in range(_TRIES):
            found = failure_store.find_all([self._known, self._address, self._from_here, self._from_anywhere])
            known = found.get(self._known)
            is_known = known is not None and now - known.last_at < rules.KNOWN_FOR
            self._counted = self._from_here if is_known else self._from_anywhere
            _refuse_early(found.get(self._address), rules.FREE_FOR_ADDRESS * self._factor, now)
            before = found.get(self._counted)
            _refuse_early(before, rules.FREE_FOR_ACCOUNT * self._factor, now)
            if failure_store.put(_one_more(self._counted, before, now), before, now + rules.FORGOTTEN_AFTER):
                return
        raise _early(timedelta(seconds=1))

    def failed(self, now: datetime) -> None:
        """Write down that the address failed too, whatever the account."""
        before = failure_store.find_all([self._address]).get(self._address)
        failure_store.set_to(_one_more(self._address, before, now), now + rules.FORGOTTEN_AFTER)

    def succeeded(self, now: datetime) -> None:
        """Forget the failures that stood in the way, and know this address again."""
        failure_store.set_to(Failures(self._counted, 0, now), now + rules.FORGOTTEN_AFTER)
        failure_store.set_to(Failures(self._known, 0, now), now + rules.KNOWN_FOR)


def forgive(username: str, address: str, now: datetime) -> None:
    """Let somebody who has proved who they are log in from this address, whatever was tried before."""
    guard = Guard(username, address, 1)
    guard._counted = guard._from_here
    guard.succeeded(now)


def _known_key(account: str, address: str) -> str:
    return f"known#{account}#{address}"


def _one_more(key: str, before: Failures | None, now: datetime) -> Failures:
    is_fresh = before is not None and now - before.last_at < rules.FORGOTTEN_AFTER
    return Failures(key, (before.count if before and is_fresh else 0) + 1, now)


def _refuse_early(before: Failures | None, free: int, now: datetime) -> None:
    if before is None or now - before.last_at >= rules.FORGOTTEN_AFTER:
        return
    delay = rules.delay(before.count, free)
    if delay and (wait := before.last_at + delay - now) > timedelta(0):
        raise _early(wait)


def _early(wait: timedelta) -> TooManyRequests:
    wait_s = max(1, -int(-wait.total_seconds() // 1))
    words = f"too many failed logins; try again in {wait_s} s, or choose a new password by mail"
    return TooManyRequests(words, retry_after_s=wait_s, code="login_delayed")
