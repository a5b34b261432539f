"""From a job that runs to a run that the server has: real run-job, real files, the control plane's own rules."""

import os
import signal
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.report import Delivery
from agent.spool import backlog, process_alive
from tests.fixtures.check_ins import Server
from tests.functional.run_job_host import COMMIT, JOB_ID, Host, installed


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return installed(tmp_path / "D")


@pytest.fixture
def server() -> Server:
    return Server()


def deliver(host: Host, server: Server) -> None:
    """Deliver all there is, by an agent that has just been started and whose clock runs fast."""
    ticks = iter(range(0, 1000, 10))
    delivery = Delivery(host.spool, "endpoint-1", server.check_in, clock=lambda: next(ticks))
    for _ in range(5):
        delivery.deliver_once(datetime.now(UTC))


def test_a_run_arrives_as_it_happened(host: Host, server: Server):
    host.run("printf 'gr\\303\\274\\303\\237e\\t\\0\\377'; exit 3")

    deliver(host, server)

    (run,) = server.runs.values()
    assert (run.job_id, run.job_name, run.namespace, run.commit) == (JOB_ID, "backup", "default", COMMIT)
    assert (run.status, run.exit_code, run.signal) == ("failure", 3, None)
    assert (run.output, run.output_bytes, run.output_truncated) == ("grüße\t\ufffd\ufffd", 10, False)
    assert run.duration_ms is not None
    assert run.finished_at
    assert run.started_at <= run.finished_at <= run.reported_at
    assert list(host.spool.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "fields"),
    [
        ("kill -9 $$", {}),
        ("exec sleep 60", {"timeout_s": 0.05}),
        ("true", {"working_dir": "/no/such/place"}),
        ("/no/such/program", {}),
        ("yes | head -c 300000", {"max_output_bytes": 65536}),
        ("head -c 300000 /dev/zero", {"max_output_bytes": 65536}),
        ("head -c 300000 /dev/urandom", {"max_output_bytes": 65536}),
        ("echo", {"output": "none"}),
        ("exit 255", {}),
    ],
)
def test_the_server_takes_whatever_a_job_may_leave(host: Host, server: Server, words: str, fields: dict[str, object]):
    host.run(words, fields=fields)

    deliver(host, server)

    assert len(server.runs) == 1
    assert list(host.spool.iterdir()) == []


def test_a_job_that_has_lost_its_file_is_reported_all_the_same(host: Host, server: Server):
    host.run()

    deliver(host, server)

    (run,) = server.runs.values()
    assert (run.job_id, run.status, run.exit_code) == (JOB_ID, "failure", 78)
    assert "has the job been removed" in (run.output or "")


class Killed(BaseException):
    """What happens to an agent in the middle of things."""


def test_an_agent_killed_between_sending_and_clearing_sends_again_and_the_run_counts_once(host: Host, server: Server):
    host.run("echo x; exit 1")

    def die(runs: object) -> list[dict[str, object]]:
        server.check_in(runs)  # type: ignore[arg-type]
        raise Killed

    with pytest.raises(Killed):
        Delivery(host.spool, "endpoint-1", die).deliver_once(datetime.now(UTC))
    deliver(host, server)

    assert len(server.batches) == 2
    assert len(server.runs) == 1
    assert list(host.spool.iterdir()) == []


@pytest.mark.parametrize("cleared", [(".start.json",), (".start.json", ".end.json")])
def test_an_agent_killed_while_clearing_leaves_no_contradiction(host: Host, server: Server, cleared: tuple[str, ...]):
    host.run("echo x; exit 1")
    files = {path: path.read_bytes() for path in host.spool.iterdir()}
    deliver(host, server)
    for path, content in files.items():
        if not path.name.endswith(cleared):
            path.write_bytes(content)

    deliver(host, server)

    assert [run.output for run in server.runs.values()] == ["x\n"]
    assert not (host.spool / "quarantine").exists()


def test_a_run_job_killed_with_its_job_is_a_failure(host: Host, server: Server, tmp_path: Path):
    os.mkfifo(tmp_path / "gate")
    host.job(f"echo $$ > {tmp_path}/gate; exec sleep 60")
    process = host.start()
    job = int((tmp_path / "gate").read_text())
    assert backlog(host.spool, process_alive).depth == 0

    process.kill()
    process.wait()
    assert backlog(host.spool, process_alive).depth == 1
    deliver(host, server)
    os.kill(job, signal.SIGKILL)
    process.communicate()

    (run,) = server.runs.values()
    assert (run.status, run.exit_code) == ("failure", None)
    assert run.output == "run-job was killed before the run could end; the job itself may still be running"
    assert list(host.spool.iterdir()) == []


def test_many_jobs_at_once_all_arrive(host: Host, server: Server):
    host.job("exit 1")
    processes = [host.start() for _ in range(30)]
    for process in processes:
        process.communicate()

    deliver(host, server)

    assert len(server.runs) == 30
    assert max(map(len, server.batches)) == 25
