"""Generated from the routes: each scope against each route that a user may call."""

import pytest

from app import BLUEPRINTS
from chalicelib.domain import scopes
from chalicelib.domain.scopes import SCOPES
from tests.functional.api.test_isolation import BODIES

SPECS = [spec for blueprint in BLUEPRINTS for spec in blueprint.specs if spec.scope]
# Nothing of this name is there: what is let through finds nothing and destroys nothing.
NOWHERE = "nowhere"


def emptied(path: str) -> str:
    return "/".join(NOWHERE if part.startswith("{") else part for part in path.split("/"))


@pytest.mark.parametrize("scope", SCOPES)
def test_a_token_opens_the_routes_of_its_scope_and_no_other(api, ada, scope):
    token = api.as_(ada.post("/api/tokens", {"name": "ci", "scopes": [scope]}).body["plain_text"])

    for spec in SPECS:
        answer = token.call(spec.method, emptied(spec.path), BODIES.get(spec.path) if spec.body else None)

        # Where an answer is text, an error is its words.
        is_closed = answer.status == 403 and f"this token lacks the scope '{spec.scope}'" in answer.text
        assert is_closed == bool(scopes.missing({scope}, {spec.scope})), f"{spec.method} {spec.path}: {answer.text}"
        assert answer.status < 500


def test_a_session_opens_them_all(ada):
    for spec in (spec for spec in SPECS if spec.auth != "operator"):
        assert ada.call(spec.method, emptied(spec.path), BODIES.get(spec.path) if spec.body else None).status not in (401, 403)
