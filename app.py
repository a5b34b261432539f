"""Crontopus' control plane: wiring only."""

from chalice.app import Blueprint

from chalicelib.api.application import Application
from chalicelib.api.blueprints import BLUEPRINTS
from chalicelib.workers import mails as mail_workers
from chalicelib.workers import repositories as repository_workers
from chalicelib.workers import runs as run_workers
from chalicelib.workers import sweep as sweep_workers

WORKERS: tuple[Blueprint, ...] = (run_workers.bp, mail_workers.bp, repository_workers.bp, sweep_workers.bp)

app = Application(app_name="crontopus")
for blueprint in (*BLUEPRINTS, *WORKERS):
    app.register_blueprint(blueprint)
