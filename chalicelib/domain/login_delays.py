"""How long somebody who fails to log in waits for the next try: ever longer, but never for good.

An account cannot be locked by strangers: an address from which its owner has logged in has tries of its own.
"""

from datetime import timedelta

# Tries without a wait, for one account and for one address whatever the account.
FREE_FOR_ACCOUNT, FREE_FOR_ADDRESS = 5, 20
FIRST, LONGEST = timedelta(seconds=30), timedelta(minutes=15)
# After so long without a failure all is forgotten.
FORGOTTEN_AFTER = timedelta(hours=1)
# How long an address stays known as one from which this account logs in.
KNOWN_FOR = timedelta(days=90)


def delay(failures: int, free: int) -> timedelta:
    """Return how long after the last of so many failures the next try may come: 0, then 30 s, doubled up to 15 minutes."""
    if failures < free:
        return timedelta(0)
    return min(LONGEST, FIRST * (1 << min(failures - free, 10)))
