"""Debian's own `crontab`, in a mount namespace of its own: this machine's tables are out of its reach."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.functional.test_crontab import OLD

# A tmpfs over /var/spool, with the folder as cron's package makes it.
_PRIVATE = (
    'mount -t tmpfs none /var/spool && mkdir -p /var/spool/cron/crontabs && chmod 1730 /var/spool/cron/crontabs && exec "$@"'
)

_INSIDE = """
import json, os, subprocess, sys
from pathlib import Path
from agent.schedulers.base import Known
from agent.schedulers import flavours
from agent.schedulers.crontab import CrontabProgram
from tests.functional.test_crontab import JOB, ME, OLD, crontab

table = CrontabProgram("crontab", os.environ, flavours.DEBIAN)
scheduler = crontab(table, Path(sys.argv[1]))
seen = {"none": table.read().hex()}
subprocess.run(["crontab", "-"], input=OLD, check=True)
seen["old"] = table.read().hex()
line = scheduler.line("*/5 * * * *", JOB)
actual = scheduler.find(OLD, Known(frozenset({ME})))
new = scheduler.compose(actual, [line])
scheduler.replace(OLD, new)
seen["new"], seen["wanted"] = table.read().hex(), new.hex()
actual = scheduler.find(new, Known(frozenset({ME})))
scheduler.replace(new, scheduler.compose(actual, []))
seen["back"] = table.read().hex()
try:
    scheduler.replace(OLD, OLD + b"99 99 * * * x\\n")
except Exception as e:
    seen["refused"] = [type(e).__name__, e.code, e.message]
seen["kept"] = table.read().hex()
scheduler.replace(OLD, b"")
seen["gone"] = subprocess.run(["crontab", "-l"], capture_output=True, text=True).stderr
print(json.dumps(seen))
"""


def is_possible() -> bool:
    if (
        os.geteuid() != 0
        or not shutil.which("crontab")
        or not shutil.which("unshare")
        or not Path("/etc/debian_version").exists()
    ):
        return False
    return (
        subprocess.run(["unshare", "-m", "sh", "-c", _PRIVATE, "sh", "true"], capture_output=True, check=False).returncode == 0
    )


@pytest.mark.skipif(not is_possible(), reason="needs Debian's cron and the right to make a mount namespace")
def test_debians_crontab_gives_back_every_byte_and_refuses_what_it_cannot_read(tmp_path: Path) -> None:
    # Debian's crontab cuts the path of a file after 99 characters.
    home = tmp_path / ("h" * 120)
    home.mkdir()
    command = ["unshare", "-m", "sh", "-c", _PRIVATE, "sh", sys.executable, "-c", _INSIDE, str(home)]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert (seen["none"], seen["old"], seen["back"], seen["kept"]) == ("", OLD.hex(), OLD.hex(), OLD.hex())
    assert seen["new"] == seen["wanted"]
    assert seen["refused"][:2] == ["Stalled", "table_refused"]
    assert "bad minute" in seen["refused"][2]
    assert seen["gone"].startswith("no crontab for")
