"""What other files say because of the table of limits: API Gateway's throttling, and the table in docs/limits.md.

API Gateway knows no callers: its numbers are ceilings for all of them together, so that a flood does not reach the functions.
"""

from collections.abc import Iterable, Sequence

from chalicelib.api import rate_limits
from chalicelib.api.blueprint import RouteSpec
from chalicelib.domain.limits import CEILING_PER_S, TABLE, Limit

# A bucket of two seconds: an agent that delivers a night's runs, a console that opens with ten requests.
_BURST_S = 2
_PER = {"user": "user", "endpoint": "endpoint", "token": "enrollment token, or user", "address": "address", "path": "check"}
_WINDOWS = {60: "minute", 3600: "hour"}
_HEAD = "| limit | routes | how often | counted for | told to the table | while that is away | API Gateway, all callers |\n"


def method_settings(specs: Iterable[RouteSpec]) -> str:
    """Return the YAML lines below MethodSettings: the usual ceiling, and each route that has another one."""
    ceilings = sorted((spec.path, spec.method, spec.limit.ceiling_per_s) for spec in specs if spec.limit)
    lines = [_setting("/*", "*", CEILING_PER_S)]
    # CloudFormation wants every slash of a path but the first as ~1, and a first slash before that.
    lines += [_setting("/" + path.replace("/", "~1"), method, most) for path, method, most in ceilings if most != CEILING_PER_S]
    return "".join(lines)


def limits_table(specs: Sequence[RouteSpec]) -> str:
    """Return the table of docs/limits.md."""
    rows = [_row(limit, [spec for spec in specs if _has_own(spec) and spec.limit == limit]) for limit in TABLE]
    return "".join([_HEAD, "|---" * _HEAD.count(" | ") + "|---|\n", *rows])


def with_section(text: str, begin: str, end: str, section: str) -> str:
    """Return the text with what stands between the lines `begin` and `end` replaced."""
    before, _, rest = text.partition(begin + "\n")
    _, found, after = rest.partition(end)
    if not found:
        raise ValueError(f"nothing between {begin!r} and {end!r}")
    return f"{before}{begin}\n{section}{end}{after}"


def _has_own(spec: RouteSpec) -> bool:
    return spec.limit not in (None, rate_limits.default(spec.method, spec.auth))


def _setting(path: str, method: str, ceiling_per_s: int) -> str:
    throttle = f"ThrottlingRateLimit: {ceiling_per_s}, ThrottlingBurstLimit: {ceiling_per_s * _BURST_S}"
    return f'        - {{ResourcePath: "{path}", HttpMethod: "{method}", {throttle}}}\n'


def _row(limit: Limit, own: Sequence[RouteSpec]) -> str:
    routes = ", ".join(f"`{spec.method} {spec.path}`" for spec in own if spec.alias_of is None) or _default_routes(limit)
    counted = "each request" if limit.is_exact else "each tenth part"
    blind = "refuses (503)" if limit.refuses_blind else "goes on"
    often = f"{limit.times} a {_WINDOWS[limit.window_s]}"
    return f"| {limit.name} | {routes} | {often} | {_PER[limit.per]} | {counted} | {blind} | {limit.ceiling_per_s}/s |\n"


def _default_routes(limit: Limit) -> str:
    reads = [auth for auth, default in rate_limits.READS.items() if default == limit]
    writes = [auth for auth, default in rate_limits.WRITES.items() if default == limit]
    which = "every other route" if reads and writes else "every other `GET`" if reads else "every other route but `GET`"
    return f"{which} with the credential `{', '.join(reads or writes)}`"
