"""What `make test` needs beside the environments: Debian's cron, for the end-to-end test that runs one of its own, other crons,
which are unpacked into the checkout, and Node.js, for a real OpenID Connect provider.

The daemon that comes with the package is not started, and nobody's crontab is touched.
"""

import shutil
import sys

from infra.local import cron, cron_packages, debian
from infra.local.show import Show
from infra.local.stopped import Stopped


def main() -> int:
    show = Show()
    if shutil.which("npm") is None:
        show.line("  Node.js is not installed: the tests of single sign-on with a real provider will be skipped")
    _fetch_crons(show)
    if cron.programs_exist():
        return 0
    if not debian.can_install():
        show.line("  cron is not installed: the end-to-end test with a real cron daemon will be skipped")
        return 0
    try:
        with show.step("cron, for the end-to-end test") as step:
            debian.install("cron", step.note, start_services=False)
            step.done("installed, not started")
    except Stopped as e:
        show.line(f"\n{e}")
        return 1
    return 0


def _fetch_crons(show: Show) -> None:
    """Fetch the crons that the tests try beside the machine's own; without them their tests are skipped."""
    if cron_packages.are_there():
        return
    try:
        with show.step("other crons, for the tests that run them") as step:
            cron_packages.ensure(step.note)
            step.done(f"unpacked into {cron_packages.FOLDER}, not installed")
    except Stopped as e:
        show.line(f"  {e}\n  The tests of other crons will be skipped")


if __name__ == "__main__":
    sys.exit(main())
