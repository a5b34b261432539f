"""What there is to say about a run, the way a person reads it."""

from collections.abc import Iterator

from cli import references
from cli.answers import Body
from cli.invocation import Invocation
from cli.tables import Cell, Column, Fact, status
from cli.text import took

# Smaller differences are ordinary network time.
NOTABLE_SKEW_MS = 5_000

COLUMNS = (
    Column("STATUS"),
    Column("JOB", is_flexible=True),
    Column("STARTED", key="started_at"),
    Column("TOOK", key="duration_ms"),
    Column("RUN", is_name=True, key="run_id"),
    Column("EXIT", is_extra=True),
    Column("ENDPOINT", is_extra=True),
    Column("FINISHED", is_wide=True, key="finished_at"),
    Column("COMMIT", is_wide=True),
    Column("JOB ID", is_wide=True),
)


def row(invocation: Invocation, run: Body) -> list[Cell]:
    """Return the cells of COLUMNS."""
    printer = invocation.printer
    return [
        status(run.get("status")),
        job_of(run),
        printer.ago(run.get("started_at")),
        printer.took(run.get("duration_ms")),
        run.get("run_id"),
        _exit(run),
        invocation.endpoint_name(run.get("endpoint_id")),
        printer.ago(run.get("finished_at")),
        str(run["commit"])[:10] if run.get("commit") else None,
        run.get("job_id"),
    ]


def facts(invocation: Invocation, run: Body) -> Iterator[Fact]:
    printer = invocation.printer
    finished = run.get("finished_at")
    yield "Status", status(run.get("status"))
    yield "Job", job_of(run)
    yield "Endpoint", invocation.endpoint_name(run.get("endpoint_id"))
    yield "Started", printer.local(run.get("started_at"))
    yield "Finished", printer.local(finished) if finished else None
    yield "Took", printer.took(run.get("duration_ms"))
    yield "Exit code", _exit(run)
    yield "Clock", _skew(run.get("skew_ms"))
    yield "Commit", run.get("commit")
    yield "Run", run.get("run_id")


def job_of(run: Body) -> str:
    return references.shown(run.get("namespace"), run.get("job_name"))


def output_heading(run: Body) -> str:
    kept, written = run.get("output"), run.get("output_bytes")
    if not kept:
        return "It wrote no output." if not written else f"Output: {written} bytes, not kept."
    return f"Output, the end of {written} bytes:" if run.get("output_truncated") else "Output:"


def _exit(run: Body) -> str | None:
    if run.get("signal"):
        return f"{run.get('exit_code')} (signal {run['signal']})" if run.get("exit_code") else f"signal {run['signal']}"
    return None if run.get("exit_code") is None else str(run["exit_code"])


def _skew(skew_ms: int | None) -> str | None:
    if skew_ms is None or abs(skew_ms) < NOTABLE_SKEW_MS:
        return None
    return f"the endpoint's clock is {took(abs(skew_ms))} {'behind' if skew_ms > 0 else 'ahead'}"
