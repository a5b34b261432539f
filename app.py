"""Crontopus' control plane: wiring only."""

from chalice.app import Chalice

from chalicelib.api import (
    auth,
    endpoints,
    enrollment,
    health,
    job_changes,
    job_checks,
    job_history,
    jobs,
    namespaces,
    runs,
    tokens,
    webhooks,
)
from chalicelib.api.blueprint import ApiBlueprint

BLUEPRINTS: tuple[ApiBlueprint, ...] = (
    health.bp,
    auth.bp,
    jobs.bp,
    job_changes.bp,
    job_checks.bp,
    job_history.bp,
    namespaces.bp,
    enrollment.bp,
    endpoints.bp,
    runs.bp,
    tokens.bp,
    webhooks.bp,
)

app = Chalice(app_name="crontopus")
for blueprint in BLUEPRINTS:
    app.register_blueprint(blueprint)
