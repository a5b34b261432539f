"""Is the function alive, and do the things behind it answer."""

from typing import Literal

from chalicelib.api.blueprint import ApiBlueprint, Ask, Model
from chalicelib.domain.errors import Unavailable
from chalicelib.services import doors, health

bp = ApiBlueprint(__name__)


class Health(Model):
    status: Literal["ok"] = "ok"


class DependencyOut(Model):
    name: str
    duration_ms: float


class Readiness(Model):
    status: Literal["ok"] = "ok"
    dependencies: list[DependencyOut]


@bp.api("GET", "/health", auth="public", limit=None, returns=Health)
def alive(ask: Ask) -> Health:
    """Tell that the API answers."""
    return Health()


@bp.api("GET", "/api/health", auth="public", returns=Readiness)
def ready(ask: Ask) -> Readiness:
    """Ask database, secrets and forge, and tell how fast they are; 503 names those that do not answer."""
    found = health.check(doors.probes())
    failing = {one.name: one.problem for one in found if one.problem}
    if failing:
        raise Unavailable(f"no answer from {' and '.join(failing)}", code="degraded", problems=failing)
    return Readiness(dependencies=[DependencyOut(name=one.name, duration_ms=one.duration_ms) for one in found])
