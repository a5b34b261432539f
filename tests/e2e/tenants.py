"""New tenants of the stack under test."""

import secrets
from collections.abc import Sequence

from infra.local.api import Api
from infra.local.demo import Demo
from infra.local.kept_secrets import Account
from infra.local.layout import Layout
from infra.local.stack import Stack


def new_tenant(stack: Stack, layout: Layout, inside: Sequence[str] = ()) -> Demo:
    """Return a new tenant, signed in, with an agent's home in `layout` that nobody has enrolled."""
    account = Account(f"tenant-{secrets.token_hex(4)}", secrets.token_urlsafe(18))
    tenant = Demo(Api(stack.ports.api_url, account), stack.ports.api_url, layout, tuple(inside))
    tenant.sign_in()
    return tenant
