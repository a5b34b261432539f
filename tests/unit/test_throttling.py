"""What follows from the table of limits; that the files hold it is tested in test_routes.py."""

from pathlib import Path

import pytest
import yaml

from app import BLUEPRINTS
from chalicelib.domain import limits
from infra import throttling

SPECS = [spec for blueprint in BLUEPRINTS for spec in blueprint.specs]


def test_the_template_throttles_every_route_at_its_ceiling():
    resources = yaml.safe_load((Path(__file__).parents[2] / "infra/resources.yaml").read_text())["Resources"]
    settings = resources["RestAPI"]["Properties"]["MethodSettings"]
    ceilings = {(one["ResourcePath"], one["HttpMethod"]): one["ThrottlingRateLimit"] for one in settings}

    for spec in SPECS:
        own = ceilings.get(("/" + spec.path.replace("/", "~1"), spec.method), ceilings["/*", "*"])
        assert own == (spec.limit.ceiling_per_s if spec.limit else limits.CEILING_PER_S), spec.path


def test_every_limit_has_a_row_in_the_document():
    table = throttling.limits_table(SPECS)

    assert [row.split(" | ")[0] for row in table.splitlines()[2:]] == [f"| {limit.name}" for limit in limits.TABLE]
    assert "| register | `POST /api/auth/register` | 3 a hour | address |" in table


def test_a_section_is_replaced_and_all_else_stays():
    text = "before\n# begin\nold\n# end\nafter\n"

    assert throttling.with_section(text, "# begin", "# end", "new\n") == "before\n# begin\nnew\n# end\nafter\n"


def test_a_text_without_its_section_is_refused():
    with pytest.raises(ValueError, match="nothing between"):
        throttling.with_section("text", "# begin", "# end", "new\n")
