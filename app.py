"""Crontopus' control plane: wiring only."""

from chalice.app import Chalice

from chalicelib.api import auth, endpoints, enrollment, health, jobs, namespaces, runs, tokens
from chalicelib.api.blueprint import ApiBlueprint

BLUEPRINTS: tuple[ApiBlueprint, ...] = (
    health.bp,
    auth.bp,
    jobs.bp,
    namespaces.bp,
    enrollment.bp,
    endpoints.bp,
    runs.bp,
    tokens.bp,
)

app = Chalice(app_name="crontopus")
for blueprint in BLUEPRINTS:
    app.register_blueprint(blueprint)
