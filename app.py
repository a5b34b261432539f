"""Crontopus' control plane: wiring only."""

from chalice.app import Blueprint

from chalicelib.api import (
    audit,
    auth,
    endpoint_tokens,
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
from chalicelib.api.application import Application
from chalicelib.api.blueprint import ApiBlueprint
from chalicelib.workers import runs as run_workers

BLUEPRINTS: tuple[ApiBlueprint, ...] = (
    health.bp,
    auth.bp,
    audit.bp,
    jobs.bp,
    job_changes.bp,
    job_checks.bp,
    job_history.bp,
    namespaces.bp,
    enrollment.bp,
    endpoints.bp,
    endpoint_tokens.bp,
    runs.bp,
    tokens.bp,
    webhooks.bp,
)

WORKERS: tuple[Blueprint, ...] = (run_workers.bp,)

app = Application(app_name="crontopus")
for blueprint in (*BLUEPRINTS, *WORKERS):
    app.register_blueprint(blueprint)
