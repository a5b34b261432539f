"""Routes for Prometheus."""

from datetime import UTC, datetime

from chalicelib.api.blueprint import ApiBlueprint, Ask, TextAnswer
from chalicelib.api.repositories import repository_of
from chalicelib.domain.metrics import CONTENT_TYPE, exposition
from chalicelib.services import doors, health, jobs, metrics, request_metrics

bp = ApiBlueprint(__name__)


@bp.api("GET", "/api/metrics", auth="user", scope="read:runs", media_type="text/plain")
def show_metrics(ask: Ask) -> TextAnswer:
    """Show one's own numbers to Prometheus: endpoints, jobs, today's runs, and when each job succeeded last."""
    repository = repository_of(ask)
    families = metrics.of_tenant(ask.known_caller, lambda: jobs.list_jobs(repository), datetime.now(UTC))
    return TextAnswer(exposition(families), headers={"Content-Type": CONTENT_TYPE})


@bp.api("GET", "/metrics", auth="operator", scope="read:runs", media_type="text/plain")
def show_operator_metrics(ask: Ask) -> TextAnswer:
    """Show the installation's numbers to the operator's Prometheus: requests by outcome, and what is behind the API."""
    found = request_metrics.of_operator(request_metrics.told(), health.check(doors.probes()))
    return TextAnswer(exposition(found), headers={"Content-Type": CONTENT_TYPE})
