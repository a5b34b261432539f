"""Write what is made from code: docs/openapi.json, the schema, docs/limits.md's table, docs/deploy/, throttling."""

import json
from pathlib import Path

from chalicelib.api import openapi
from chalicelib.api.blueprint import RouteSpec
from chalicelib.api.blueprints import BLUEPRINTS
from chalicelib.domain import manifest_schema
from infra import deploy_examples, gateway_responses, throttling

DOCS = Path(__file__).parents[1] / "docs"
RESOURCES = Path(__file__).parent / "resources.yaml"


def documents() -> dict[Path, str]:
    """Return the text of each generated document by its path."""
    specs = [spec for blueprint in BLUEPRINTS for spec in blueprint.specs]
    contents = {"openapi.json": openapi.document(specs), "job-manifest.schema.json": manifest_schema.schema()}
    made = {DOCS / name: json.dumps(content, indent=2) + "\n" for name, content in contents.items()}
    made |= {DOCS / "deploy" / name: text for name, text in deploy_examples.examples().items()}
    return made | {DOCS / "limits.md": _limits(specs), RESOURCES: _resources(specs)}


def _limits(specs: list[RouteSpec]) -> str:
    table = throttling.limits_table(specs)
    return throttling.with_section((DOCS / "limits.md").read_text(), "<!-- table -->", "<!-- end of table -->", table)


def _resources(specs: list[RouteSpec]) -> str:
    marks = ("        # made by infra/throttling.py", "        # end of what is made")
    settings = throttling.with_section(RESOURCES.read_text(), *marks, throttling.method_settings(specs))
    marks = ("        # made by infra/gateway_responses.py", marks[1])
    return throttling.with_section(settings, *marks, gateway_responses.section())


if __name__ == "__main__":
    for path, text in documents().items():
        path.write_text(text)
