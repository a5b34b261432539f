"""Crontopus' control plane: wiring only."""

from chalice.app import Blueprint

from chalicelib.api import (
    audit,
    auth,
    blocks,
    checks,
    device,
    device_pages,
    discovery,
    endpoint_tokens,
    endpoints,
    enrollment,
    health,
    identities,
    installers,
    instances,
    job_changes,
    job_checks,
    job_history,
    jobs,
    mail_pages,
    metrics,
    namespaces,
    ping_keys,
    pings,
    reports,
    runs,
    schedules,
    sso,
    sso_pages,
    tenants,
    tokens,
    verification,
    webhooks,
)
from chalicelib.api.application import Application
from chalicelib.api.blueprint import ApiBlueprint
from chalicelib.workers import mails as mail_workers
from chalicelib.workers import repositories as repository_workers
from chalicelib.workers import runs as run_workers

BLUEPRINTS: tuple[ApiBlueprint, ...] = (
    health.bp,
    auth.bp,
    audit.bp,
    metrics.bp,
    jobs.bp,
    job_changes.bp,
    job_checks.bp,
    job_history.bp,
    schedules.bp,
    namespaces.bp,
    enrollment.bp,
    device.bp,
    device_pages.bp,
    sso.bp,
    sso_pages.bp,
    identities.bp,
    endpoints.bp,
    endpoint_tokens.bp,
    discovery.bp,
    installers.bp,
    reports.bp,
    instances.bp,
    runs.bp,
    tokens.bp,
    verification.bp,
    tenants.bp,
    blocks.bp,
    mail_pages.bp,
    webhooks.bp,
    pings.bp,
    checks.bp,
    ping_keys.bp,
)

WORKERS: tuple[Blueprint, ...] = (run_workers.bp, mail_workers.bp, repository_workers.bp)

app = Application(app_name="crontopus")
for blueprint in (*BLUEPRINTS, *WORKERS):
    app.register_blueprint(blueprint)
