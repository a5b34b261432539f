"""`make bench`: one line a figure, exit 1 if one is over its budget."""

import sys

from tests.bench import checkin, jobs, pings, reconcile, reports, wrapper
from tests.bench.figures import Figure, unheard


def main() -> int:
    with unheard():
        figures: list[Figure] = [
            *checkin.measure(),
            *pings.measure(),
            *wrapper.measure(),
            *reconcile.measure(),
            *jobs.measure(),
            *reports.measure(),
        ]
    for figure in figures:
        print(figure.line())  # noqa: T201
    return 1 if any(figure.is_short for figure in figures) else 0


if __name__ == "__main__":
    sys.exit(main())
