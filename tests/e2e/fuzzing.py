"""The API against its own document: requests that it describes, requests that it forbids, with each kind of credential."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import Failure, not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.json"
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
_TIMEOUT_S = 30


def operations() -> Iterator[Any]:
    """Yield every operation of the document."""
    schema = schemathesis.openapi.from_dict(json.loads(DOCUMENT.read_text()))
    for found in schema.get_all_operations():
        yield found.ok()


def credential_of(operation: Any) -> str:
    """Return which kind of credential an operation takes, `none` if it takes none."""
    security = operation.definition.raw.get("security") or [{}]
    return next(iter(security[0]), "none")


class Fuzzer:
    """Sends examples of every operation. tokens: one for each kind of credential. things: what path parameters may be.

    examples: how many of each mode. problems: what an answer did not keep to, by operation.
    """

    def __init__(self, url: str, tokens: Mapping[str, str], things: Mapping[str, str], examples: int) -> None:
        self._url = url
        self._tokens = tokens
        self._things = things
        self._examples = examples
        self._session = requests.Session()
        self.statuses: dict[str, set[int]] = {}
        self.problems: dict[str, str] = {}

    def run(self, operation: Any, token: str | None) -> None:
        """Send examples of one operation: with ids that are there and ids that are not."""
        own = {name: self._things[name] for name in self._names(operation) if name in self._things}
        for mode in MODES:
            for parameters in [None, own] if own else [None]:
                self._send(operation, mode, parameters, token)

    def run_all(self) -> None:
        """Send examples of every operation: as who may, as somebody else, and as nobody."""
        # What takes things away comes last.
        for operation in sorted(operations(), key=lambda one: (one.method.upper() == "DELETE", one.label)):
            self.run(operation, self._tokens.get(credential_of(operation)))
            for token in (None, self._tokens["endpoint"], self._tokens["user"]):
                self._send(operation, GenerationMode.POSITIVE, None, token, examples=1)

    def _names(self, operation: Any) -> list[str]:
        return [parameter.name for parameter in operation.path_parameters]

    def _send(
        self, operation: Any, mode: GenerationMode, own: Mapping[str, str] | None, token: str | None, examples: int = 0
    ) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        more = {"path_parameters": dict(own)} if own else {}

        @settings(
            max_examples=examples or self._examples,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode, **more))
        def send(case: Any) -> None:
            response = case.call(base_url=self._url, session=self._session, headers=headers, timeout=_TIMEOUT_S)
            self.statuses.setdefault(operation.label, set()).add(response.status_code)
            case.validate_response(response, checks=CHECKS)

        try:
            send()
        except Unsatisfiable:
            pass  # an operation that takes nothing can be asked nothing wrong
        except (Failure, BaseExceptionGroup) as e:
            self.problems.setdefault(f"{operation.label} {mode.value} {'own' if own else 'any'}", _words(e))


def _words(error: BaseException) -> str:
    inner = getattr(error, "exceptions", None)
    return "\n".join(map(_words, inner)) if inner else f"{type(error).__name__}: {error}"
