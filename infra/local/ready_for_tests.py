"""What `make test` needs beside the environments: Debian's cron, for the end-to-end test that runs one of its own, and Node.js,
for a real OpenID Connect provider.

The daemon that comes with the package is not started, and nobody's crontab is touched.
"""

import shutil
import sys

from infra.local import cron, debian
from infra.local.show import Show
from infra.local.stopped import Stopped


def main() -> int:
    show = Show()
    if shutil.which("npm") is None:
        show.line("  Node.js is not installed: the tests of single sign-on with a real provider will be skipped")
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


if __name__ == "__main__":
    sys.exit(main())
