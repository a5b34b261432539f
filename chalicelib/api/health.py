"""Is the function alive. What it depends on is another question, with another route."""

from typing import Literal

from chalicelib.api.blueprint import ApiBlueprint, Ask, Model

bp = ApiBlueprint(__name__)


class Health(Model):
    status: Literal["ok"] = "ok"


@bp.api("GET", "/health", auth="public", returns=Health)
def health(ask: Ask) -> Health:
    """Tell that the API answers."""
    return Health()
