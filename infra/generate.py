"""Write the documents that are made from code: docs/openapi.json and docs/job-manifest.schema.json."""

import json
from pathlib import Path

from app import BLUEPRINTS
from chalicelib.api import openapi
from chalicelib.domain import manifest_fields

DOCS = Path(__file__).parents[1] / "docs"


def documents() -> dict[Path, str]:
    """Return the text of each generated document by its path."""
    specs = [spec for blueprint in BLUEPRINTS for spec in blueprint.specs]
    contents = {"openapi.json": openapi.document(specs), "job-manifest.schema.json": manifest_fields.schema()}
    return {DOCS / name: json.dumps(content, indent=2) + "\n" for name, content in contents.items()}


if __name__ == "__main__":
    for path, text in documents().items():
        path.write_text(text)
