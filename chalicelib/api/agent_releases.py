"""Where agents find releases of themselves."""

from chalicelib.api.blueprint import ApiBlueprint, Ask, Model
from chalicelib.services import installers

bp = ApiBlueprint(__name__)


class AgentRelease(Model):
    """url: of the folder with stable.json and beta.json, which are signed: an agent believes its own keys, not this answer.

    version: what installers install here. minimum_version: the oldest agent that may enrol, null if any may.
    """

    url: str
    version: str
    minimum_version: str | None


@bp.api("GET", "/api/agent/release", auth="endpoint", returns=AgentRelease, also=(404,))
def get_release(ask: Ask) -> AgentRelease:
    """Tell an agent where releases lie; 404 `no_agent_release` where this deployment offers none."""
    offer = installers.offered()
    return AgentRelease(url=offer.url.rstrip("/"), version=offer.version, minimum_version=offer.minimum_version or None)
