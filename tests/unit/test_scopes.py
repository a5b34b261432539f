import pytest

from app import BLUEPRINTS
from chalicelib.api.blueprint import RouteSpec
from chalicelib.api.callers import ALLOWED
from chalicelib.domain import scopes
from infra import generate

# These take a body and only answer.
ASKING = {"/api/jobs/validate", "/api/schedule/preview", "/api/plan"}
SPECS = [spec for blueprint in BLUEPRINTS for spec in blueprint.specs]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: f"{spec.method} {spec.path}")
def test_a_route_says_its_scope_if_a_user_may_call_it_and_only_then(spec: RouteSpec):
    # An operator's token may be held to a scope, too.
    assert (spec.scope in scopes.SCOPES) == ("user" in ALLOWED[spec.auth]) or spec.auth == "operator"


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: f"{spec.method} {spec.path}")
def test_who_may_only_read_changes_nothing(spec: RouteSpec):
    assert spec.method == "GET" or spec.path in ASKING or not str(spec.scope).startswith("read:")


def test_every_scope_opens_something():
    assert {spec.scope for spec in SPECS if spec.scope} | scopes.ALL == set(scopes.SCOPES)


@pytest.mark.parametrize("spec", [spec for spec in SPECS if spec.scope], ids=lambda spec: f"{spec.method} {spec.path}")
def test_the_api_document_names_the_scope(spec: RouteSpec):
    operation = generate.openapi.document(SPECS)["paths"][spec.path][spec.method.lower()]

    assert f"`{spec.scope}`" in operation["description"]
    assert {spec.auth: [spec.scope]} in operation["security"]
    assert all(scopes == [spec.scope] for one in operation["security"] for scopes in one.values())


@pytest.mark.parametrize(
    ("held", "needed", "missing"),
    [
        ({"read:jobs"}, {"read:jobs"}, ()),
        ({"write:jobs"}, {"read:jobs"}, ("read:jobs",)),
        ({"admin:tokens"}, {"admin:*"}, ("admin:*",)),
        (set(scopes.SCOPES) - scopes.ALL, {"admin:*"}, ("admin:*",)),
        (scopes.ALL, set(scopes.SCOPES), ()),
        (set(), {"read:runs", "read:jobs"}, ("read:jobs", "read:runs")),
    ],
)
def test_a_scope_gives_itself_and_the_star_gives_all(held, needed, missing):
    assert scopes.missing(held, needed) == missing
