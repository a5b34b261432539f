"""systemd's own word on when its timers elapse, against what is expected of systemd-cron."""

import os
import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from chalicelib.domain import schedule

# Before each change of clocks in 2026, in UTC.
CHANGES = {
    "Europe/Paris": ["2026-03-28 23:10", "2026-10-24 22:10"],
    "America/New_York": ["2026-03-08 04:10", "2026-11-01 03:10"],
    "Australia/Lord_Howe": ["2026-04-04 13:10", "2026-10-03 13:10"],
    "America/Santiago": ["2026-04-05 01:10", "2026-09-06 02:10"],
}
# A schedule, and the calendar event that systemd-cron 1.15 makes of it.
EVENTS = {
    "*/20 * * * *": "*-*-* *:0,20,40:00",
    "15,45 0-3 * * *": "*-*-* 0,1,2,3:15,45:00",
    "0 0 13 * 5": "Fri *-*-13 0:0:00",
    "30 23 */10 * *": "*-*-1,11,21,31 23:30:00",
}
COUNT = 12
_MOMENT = re.compile(r"\(in UTC\): \w{3} (\d{4}-\d\d-\d\d \d\d:\d\d):00 UTC")

pytestmark = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd-analyze")


def by_systemd(event: str, after: str, zone: str) -> list[datetime]:
    command = ["systemd-analyze", "calendar", f"--base-time={after}:00 UTC", f"--iterations={COUNT}", event]
    done = subprocess.run(command, env={**os.environ, "TZ": zone}, capture_output=True, text=True, timeout=30, check=True)
    return [datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=UTC) for text in _MOMENT.findall(done.stdout)]


@pytest.mark.parametrize(("zone", "after"), [(zone, after) for zone, moments in CHANGES.items() for after in moments])
def test_systemds_timers_elapse_when_we_expect_it(zone: str, after: str) -> None:
    start = datetime.strptime(after, "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
    for expression, event in EVENTS.items():
        wanted = list(islice(schedule.fires(expression, start, zone, "systemd-cron"), COUNT))

        assert by_systemd(event, after, zone) == wanted, expression
        assert wanted[0] - start < timedelta(days=400)
