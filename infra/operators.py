"""Who runs an installation: `python -m infra.operators list|add|remove [USER]`. The API can neither make nor end an operator.

It writes into the tenants table with the credentials of the shell; TABLE_PREFIX names the deployment (crontopus-prod-).
For the local stack: `python -m infra.operators --local add demo`.
"""

import argparse
import os
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _parse(arguments)
    if asked.local:
        _use_local_stack()
    # The store reads the environment when it is imported.
    from chalicelib.domain.errors import CrontopusError
    from chalicelib.domain.tenants import STATES
    from chalicelib.store import tenants

    try:
        if asked.verb == "list":
            for state in STATES:
                # Rarely asked, and by hand: pages of one state after the other.
                for name in (tenant.tenant_id for tenant in tenants.list_of_state(state, 100_000) if tenant.is_operator):
                    print(f"{name} ({state})")  # noqa: T201
            return 0
        tenants.set_operator(asked.user, is_operator=asked.verb == "add")
    except CrontopusError as e:
        print(e.message, file=sys.stderr)  # noqa: T201
        return 1
    print(f"{asked.user} is {'an' if asked.verb == 'add' else 'no'} operator")  # noqa: T201
    return 0


def _use_local_stack() -> None:
    from infra.local.layout import layout
    from infra.local.names import REGION, STAGE
    from infra.local.ports import read_ports

    ports = read_ports(layout().run / "ports.json")
    if ports is None:
        raise SystemExit("no local stack here: start it with `make up`")
    os.environ |= {
        "AWS_ENDPOINT_URL_DYNAMODB": ports.aws_url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "TABLE_PREFIX": f"crontopus-{STAGE}-",
    }


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Who runs this installation.")
    parser.add_argument("--local", action="store_true", help="the stack that `make up` started")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("list", help="show them")
    for verb, words in (("add", "make a user one"), ("remove", "a user is none any more")):
        verbs.add_parser(verb, help=words).add_argument("user")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
