"""Routes of namespaces: the top folders of the repository."""

from pydantic import model_validator

from chalicelib.api.blueprint import ApiBlueprint, Ask, Model
from chalicelib.api.jobs import BrokenOut
from chalicelib.api.repositories import change_of, repository_of
from chalicelib.domain import limits
from chalicelib.domain.namespaces import Description
from chalicelib.services import namespaces
from chalicelib.services.namespaces import Namespace

bp = ApiBlueprint(__name__)


class NamespaceIn(Model):
    name: str
    description: str | None = None
    colour: str | None = None


class NamespaceOut(Model):
    name: str
    is_system: bool
    job_count: int
    description: str | None
    colour: str | None


class NamespaceAnswer(Model):
    namespace: NamespaceOut
    commit: str


class NamespaceChange(Model):
    """What is left out stays, null takes it away."""

    description: str | None = None
    colour: str | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "NamespaceChange":
        if not self.model_fields_set:
            raise ValueError("description: give this or colour")
        return self


class NamespaceDescribed(Model):
    """commit: null in an empty repository that nothing was changed in."""

    namespace: NamespaceOut
    commit: str | None


class NamespaceList(Model):
    namespaces: list[NamespaceOut]
    count: int
    problems: list[BrokenOut]


class NamespaceDeleted(Model):
    commit: str


@bp.api("GET", "/api/namespaces", auth="user", scope="read:jobs", returns=NamespaceList)
def list_namespaces(ask: Ask) -> NamespaceList:
    """List the namespaces, and the descriptions of namespaces that cannot be read."""
    listed = namespaces.list_namespaces(repository_of(ask))
    return NamespaceList(
        namespaces=[_out(namespace) for namespace in listed.found],
        count=len(listed.found),
        problems=[BrokenOut(path=item.path, problems=item.problems) for item in listed.broken],
    )


@bp.api(
    "POST",
    "/api/namespaces",
    auth="user",
    limit=limits.JOB_WRITES,
    scope="write:jobs",
    body=NamespaceIn,
    returns=NamespaceAnswer,
    status=201,
    audit="namespace.created",
)
def create_namespace(ask: Ask) -> NamespaceAnswer:
    """Commit a new, empty namespace."""
    described = Description(ask.body.description, ask.body.colour)
    commit = namespaces.create_namespace(repository_of(ask), ask.body.name, described, change_of(ask))
    return NamespaceAnswer(namespace=_out(Namespace(ask.body.name, False, 0, described)), commit=commit)


@bp.api(
    "PATCH",
    "/api/namespaces/{name}",
    auth="user",
    limit=limits.JOB_WRITES,
    scope="write:jobs",
    body=NamespaceChange,
    returns=NamespaceDescribed,
    audit="namespace.changed",
)
def change_namespace(ask: Ask, name: str) -> NamespaceDescribed:
    """Commit what a namespace is for, and its colour."""
    said = {field: getattr(ask.body, field) for field in ask.body.model_fields_set}
    namespace, commit = namespaces.describe_namespace(repository_of(ask), name, change_of(ask), **said)
    return NamespaceDescribed(namespace=_out(namespace), commit=commit)


@bp.api(
    "DELETE",
    "/api/namespaces/{name}",
    auth="user",
    limit=limits.JOB_WRITES,
    scope="write:jobs",
    returns=NamespaceDeleted,
    audit="namespace.deleted",
)
def delete_namespace(ask: Ask, name: str) -> NamespaceDeleted:
    """Commit the removal of an empty namespace."""
    return NamespaceDeleted(commit=namespaces.delete_namespace(repository_of(ask), name, change_of(ask)))


def _out(namespace: Namespace) -> NamespaceOut:
    return NamespaceOut(
        name=namespace.name,
        is_system=namespace.is_system,
        job_count=namespace.job_count,
        description=namespace.described.description,
        colour=namespace.described.colour,
    )
