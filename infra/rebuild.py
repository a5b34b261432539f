"""Count one tenant's instances and days anew: `python -m infra.rebuild TENANT [--days N] [--dry-run]`.

For when the queue `given-up` holds something, or counters are doubted. Runs that come in meanwhile are counted once, as always.
Says which deployment by TABLE_PREFIX (crontopus-<stage>-) and what botocore reads: AWS_REGION, credentials, and for the local
stack AWS_ENDPOINT_URL.
"""

import argparse
import os
import sys
from datetime import UTC, datetime


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.rebuild", description="Count a tenant's instances and days anew.")
    parser.add_argument("tenant", help="username of the tenant")
    parser.add_argument("--days", type=int, help="UTC dates to count, today's among them; by default all that runs are kept")
    parser.add_argument("--dry-run", action="store_true", help="say how many are wrong and change nothing")
    asked = parser.parse_args(arguments)
    if "TABLE_PREFIX" not in os.environ:
        parser.error("TABLE_PREFIX is not set; it is crontopus-<stage>-, crontopus-local- for the local stack")
    from chalicelib.domain.errors import CrontopusError
    from chalicelib.services.rebuilding import rebuild

    try:
        done = rebuild(asked.tenant, datetime.now(UTC), asked.days, dry_run=asked.dry_run)
    except CrontopusError as e:
        print(e.message, file=sys.stderr)  # noqa: T201
        return 1
    words = "are wrong" if asked.dry_run else "were wrong and are right now"
    print(f"{done.instances} instances and {done.days} closed days counted, {done.mended} {words}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
