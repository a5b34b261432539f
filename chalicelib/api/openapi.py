"""The OpenAPI document, made from the routes' own declarations."""

import re
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from chalicelib.api import idempotency, statuses
from chalicelib.api.blueprint import Model, RouteSpec
from chalicelib.domain.idempotency import HEADER, MAX_KEY

VERSION = "0.1.0"
_REF = "#/components/schemas/{model}"
_FORMATS = {"json": "application/json", "form": "application/x-www-form-urlencoded"}

_TEXT = {"schema": {"type": "string"}}
_KEY = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "of one's own making; the same request with the same key is done once and answered alike for 24 hours",
    "schema": {"type": "string", "pattern": f"^[!-~]{{1,{MAX_KEY}}}$"},
}

USER_SCHEME = "access token of a session, which may do everything, or an API token, ctp_..., which needs the operation's scope"


class ErrorFacts(Model):
    code: str
    message: str
    problems: dict[str, str]
    request_id: str


class ErrorAnswer(Model):
    error: ErrorFacts


class FlatError(Model):
    """An error as the management API of healthchecks words it."""

    error: str
    code: str
    request_id: str


class OAuthError(Model):
    """An error as OAuth words it (RFC 6749, 5.2)."""

    error: str
    error_description: str
    request_id: str


def document(specs: Iterable[RouteSpec]) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of these routes."""
    specs = sorted(specs, key=lambda spec: (spec.path, spec.method))
    schemas = _schemas(specs)
    paths: dict[str, Any] = {}
    for spec in specs:
        paths.setdefault(spec.path, {})[spec.method.lower()] = _operation(spec, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Crontopus API", "version": VERSION},
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {
                "user": {"type": "http", "scheme": "bearer", "description": USER_SCHEME},
                "endpoint": {"type": "http", "scheme": "bearer", "description": "endpoint token, cte_..."},
                "webhook": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "X-Forgejo-Signature",
                    "description": "HMAC-SHA256 of the body, hex",
                },
                "operator": {"type": "http", "scheme": "bearer", "description": "as user, of an account that is an operator's"},
                "api_key": {"type": "apiKey", "in": "header", "name": "X-Api-Key", "description": "API token, ctp_..."},
                "enroll": {"type": "http", "scheme": "bearer", "description": "enrollment token, cet_..., or a user's"},
            },
        },
    }


def _schemas(specs: Iterable[RouteSpec]) -> dict[str, Any]:
    models: set[type[BaseModel]] = {ErrorAnswer, FlatError, OAuthError}
    for spec in specs:
        models |= {model for model in (spec.body, spec.query, spec.returns) if model}
    ordered = sorted(models, key=lambda model: model.__name__)
    _, definitions = models_json_schema([(model, "validation") for model in ordered], ref_template=_REF)
    return dict(definitions["$defs"])


def _operation(spec: RouteSpec, schemas: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {"summary": spec.summary, "operationId": f"{spec.method.lower()}_{_slug(spec.path)}"}
    if spec.alias_of:
        operation |= {"deprecated": True, "description": f"For older clients; use {spec.alias_of}."}
    if spec.scope:
        words = operation.get("description", "")
        operation["description"] = f"{words} An API token needs the scope `{spec.scope}`.".lstrip()
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", spec.path)
    ] + _query_parameters(spec, schemas)
    if idempotency.takes_key(spec):
        parameters.append(_KEY)
    if parameters:
        operation["parameters"] = parameters
    if spec.body:
        content = {_FORMATS[part]: _ref(spec.body) for part in spec.body_format.split("_or_")}
        operation["requestBody"] = {"required": True, "content": content}
    operation["responses"] = _responses(spec)
    operation["security"] = [] if spec.auth in ("public", "ping") else [{spec.auth: [spec.scope] if spec.scope else []}]
    if spec.dialect == "healthchecks":
        operation["security"].append({"api_key": [spec.scope] if spec.scope else []})
    return operation


def _query_parameters(spec: RouteSpec, schemas: dict[str, Any]) -> list[dict[str, Any]]:
    if not spec.query:
        return []
    properties = schemas[spec.query.__name__]["properties"]
    return [{"name": name, "in": "query", "required": False, "schema": schema} for name, schema in properties.items()]


def _responses(spec: RouteSpec) -> dict[str, Any]:
    is_text = spec.media_type in ("text/plain", "text/html")
    error: dict[str, Any] = {spec.media_type: _TEXT} if is_text else {"application/json": _ref(ErrorAnswer)}
    if spec.dialect == "healthchecks":
        error = {"application/json": _ref(FlatError)}
    if spec.dialect == "oauth":
        error = {"application/json": _ref(OAuthError)}
    responses: dict[str, Any] = {
        str(status): {"description": words, "content": _with_gateway(error) if status in statuses.GATEWAY else error}
        for status, words in statuses.refusals(spec).items()
    }
    responses["504"] = {"description": "no answer in time; see Retry-After", "content": {"application/json": _ref(ErrorAnswer)}}
    success = {"description": "done", "content": {spec.media_type: _ref(spec.returns) if spec.returns else _TEXT}}
    for status in statuses.successes(spec):
        responses[str(status)] = success
    return dict(sorted(responses.items()))


def _with_gateway(error: dict[str, Any]) -> dict[str, Any]:
    """Return what a route answers, or the gateway before it does: the gateway knows one body for all."""
    ours = _ref(ErrorAnswer)
    given = error.get("application/json", ours)
    either = ours if given == ours else {"schema": {"anyOf": [given["schema"], ours["schema"]]}}
    return {**error, "application/json": either}


def _ref(model: type[BaseModel]) -> dict[str, Any]:
    return {"schema": {"$ref": _REF.format(model=model.__name__)}}


def _slug(path: str) -> str:
    return re.sub(r"\W+", "_", path).strip("_")
