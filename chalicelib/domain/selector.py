"""Which endpoints a job is meant for: every entry of its selector must fit a fact of the endpoint or one of its labels."""

from collections.abc import Mapping

Selector = Mapping[str, tuple[str, ...]]
FACTS = ("name", "hostname", "platform", "endpoint")


def matches(selector: Selector, facts: Mapping[str, str], labels: Mapping[str, str] | None) -> bool | None:
    """Tell whether an endpoint is meant; None if that depends on labels that are not known yet.

    facts: name, hostname, platform, and endpoint, which is its id; a label of such a name does not count.
    """
    if any(facts.get(key) not in values for key, values in selector.items() if key in FACTS):
        return False
    wanted = {key: values for key, values in selector.items() if key not in FACTS}
    if wanted and labels is None:
        return None
    return all((labels or {}).get(key) in values for key, values in wanted.items())
