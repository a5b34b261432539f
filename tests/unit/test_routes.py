import pytest
from chalice.config import Config
from chalice.deploy.validate import validate_configuration

from app import BLUEPRINTS, app
from chalicelib.api.blueprint import RouteSpec
from chalicelib.api.callers import ALLOWED
from infra import generate

SPECS = [spec for blueprint in BLUEPRINTS for spec in blueprint.specs]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: f"{spec.method} {spec.path}")
def test_every_route_says_who_may_call_it(spec: RouteSpec):
    assert spec.auth in ALLOWED


def test_every_route_of_the_app_was_declared_through_our_blueprint():
    declared = {(spec.method, spec.path) for spec in SPECS}

    assert {(method, path) for path, methods in app.routes.items() for method in methods} == declared


def test_only_these_routes_are_public():
    public = {spec.path for spec in SPECS if spec.auth == "public"}

    assert public == {
        "/health",
        "/api/health",
        "/api/auth/register",
        "/api/auth/login",
        "/api/auth/refresh",
        "/api/auth/logout",
        "/api/auth/verification",
        "/api/auth/verification/confirm",
        "/api/auth/password/forgotten",
        "/api/auth/password/reset",
        "/api/auth/email/confirm",
        "/api/pages/verify-email",
        "/api/pages/change-email",
        "/api/pages/reset-password",
        "/api/pages/forgotten-password",
        "/api/pages/verification-mail",
        "/api/auth/device",
        "/api/auth/device/token",
        "/api/oauth/token",
        "/api/pages/device",
        "/api/pages/device/confirm",
        "/api/auth/sso",
        "/api/auth/sso/{provider}/start",
        "/api/auth/sso/{provider}/callback",
        "/api/auth/sso/exchange",
        "/api/auth/sso/break-glass",
        "/api/pages/sso",
    }


def test_operations_have_names_of_their_own():
    names = [f"{spec.method} {spec.path}" for spec in SPECS]

    assert len(names) == len(set(names))


def test_an_older_route_stands_for_one_that_is_there():
    current = {f"{spec.method} {spec.path}" for spec in SPECS if not spec.alias_of}

    assert {spec.alias_of for spec in SPECS if spec.alias_of} <= current


def test_chalice_accepts_the_application():
    validate_configuration(Config.create(chalice_app=app, app_name="crontopus", chalice_stage="main", project_dir="."))


def test_debug_stays_off():
    assert app.debug is False


@pytest.mark.parametrize(("path", "text"), generate.documents().items(), ids=lambda part: getattr(part, "name", ""))
def test_a_generated_document_is_current(path, text):
    assert path.read_text() == text, "run `make docs`"
