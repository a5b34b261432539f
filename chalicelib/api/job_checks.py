"""The route that judges a manifest and stores nothing."""

from chalicelib.api.blueprint import ApiBlueprint, Ask, Model
from chalicelib.domain import manifest_check
from chalicelib.domain.audit import Unaudited

bp = ApiBlueprint(__name__)


class ManifestIn(Model):
    """path: where the file lies, or will lie, in the repository."""

    manifest: str
    path: str | None = None


class Verdict(Model):
    valid: bool
    problems: dict[str, str]
    warnings: list[str]


@bp.api(
    "POST",
    "/api/jobs/validate",
    auth="user",
    scope="read:jobs",
    body=ManifestIn,
    returns=Verdict,
    audit=Unaudited("stores nothing"),
)
def validate_manifest(ask: Ask) -> Verdict:
    """Judge a manifest without storing it; one with problems is an answer too, not an error."""
    found = manifest_check.check(ask.body.manifest.encode(), ask.body.path, ask.known_caller.tenant_id)
    return Verdict(valid=found.is_valid, problems=found.problems, warnings=list(found.warnings))
