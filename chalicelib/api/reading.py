"""From a request to the models its route declared, with every problem named."""

from collections.abc import Callable
from typing import TYPE_CHECKING, get_origin
from urllib.parse import parse_qsl

from chalice.app import MultiDict, Request
from pydantic import BaseModel, ValidationError

from chalicelib.api import errors
from chalicelib.domain.errors import Invalid, Malformed

if TYPE_CHECKING:
    from chalicelib.api.blueprint import RouteSpec


_MEDIA = {"json": "application/json", "form": "application/x-www-form-urlencoded"}


def body_of(request: Request, spec: "RouteSpec") -> BaseModel | None:
    """Return the body as the model of its route, None if that has none. Raise UnsupportedMedia, Malformed or Invalid."""
    if spec.body is None:
        return None
    if spec.dialect == "healthchecks":
        # Its documentation sends JSON by `curl --data`, which says that it is a form.
        return _validated(lambda: _read(spec, request.raw_body or b"{}", is_form=False))
    wanted = [_MEDIA[part] for part in spec.body_format.split("_or_")]
    given = request.headers.get("content-type", wanted[0]).split(";")[0].strip().lower()
    if given not in wanted:
        raise errors.UnsupportedMedia(f"send {' or '.join(wanted)}, not {given}")
    raw = request.raw_body or b""
    return _validated(lambda: _read(spec, raw, is_form=given == _MEDIA["form"]))


def _read(spec: "RouteSpec", raw: bytes, *, is_form: bool) -> BaseModel:
    assert spec.body is not None  # noqa: S101 - asked before
    if is_form:
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
    model, given = spec.query, request.query_params or MultiDict({})
    lists = {key for key, field in model.model_fields.items() if get_origin(field.annotation) is list}
    values = {key: given.getlist(key) if key in lists else given[key] for key in given}
    # Text is all a query can hold: numbers are read from it, nothing else is coerced.
    return _validated(lambda: model.model_validate(values, strict=False))


def _validated(read: Callable[[], BaseModel]) -> BaseModel:
    try:
        return read()
    except ValidationError as e:
        if e.errors()[0]["type"] == "json_invalid":
            raise Malformed(f"the body is not JSON: {e.errors()[0]['ctx']['error']}") from e
        raise Invalid.of(errors.problems_of(e)) from e
