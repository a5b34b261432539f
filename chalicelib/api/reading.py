"""From a request to the models its route declared, with every problem named."""

from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from chalice.app import Request
from pydantic import BaseModel, ValidationError

from chalicelib.api import errors
from chalicelib.domain.errors import Invalid, Malformed

if TYPE_CHECKING:
    from chalicelib.api.blueprint import RouteSpec


def body_of(request: Request, spec: "RouteSpec") -> BaseModel | None:
    """Return the body as the model of its route, None if that has none. Raise UnsupportedMedia, Malformed or Invalid."""
    if spec.body is None:
        return None
    wanted = "application/json" if spec.body_format == "json" else "application/x-www-form-urlencoded"
    given = request.headers.get("content-type", wanted).split(";")[0].strip().lower()
    if given != wanted:
        raise errors.UnsupportedMedia(f"send {wanted}, not {given}")
    raw = request.raw_body or b""
    return _validated(lambda: _read(spec, raw))


def _read(spec: "RouteSpec", raw: bytes) -> BaseModel:
    assert spec.body is not None  # noqa: S101 - asked before
    if spec.body_format == "form":
        return spec.body.model_validate(_form(raw), strict=False)
    if not raw:
        raise Malformed("the body is empty; send a JSON object")
    return spec.body.model_validate_json(raw)


def _form(raw: bytes) -> dict[str, str]:
    try:
        return dict(parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=20))
    except ValueError as e:
        raise Malformed("the body is not a form") from e


def query_of(request: Request, spec: "RouteSpec") -> BaseModel | None:
    """Return the query as the model of its route, None if it declares none. Raise Invalid."""
    if spec.query is None:
        return None
    model, given = spec.query, request.query_params or {}
    # Text is all a query can hold: numbers are read from it, nothing else is coerced.
    return _validated(lambda: model.model_validate({key: given[key] for key in given}, strict=False))


def _validated(read: Callable[[], BaseModel]) -> BaseModel:
    try:
        return read()
    except ValidationError as e:
        if e.errors()[0]["type"] == "json_invalid":
            raise Malformed(f"the body is not JSON: {e.errors()[0]['ctx']['error']}") from e
        raise Invalid.of(errors.problems_of(e)) from e
