"""What a list of a thousand jobs costs: calls to the forge as they are made, CPU from the answers of the forge to our own."""

import io
import json
import os
import tarfile
import time
from types import SimpleNamespace
from typing import Any

from tests.bench.figures import Figure, calibrated

JOBS = 1000
ROUNDS = 7
COMMIT = "c" * 40
SETTINGS = ("STAGE", "FORGE_ORGANIZATION", "FORGE_BOT", "APP_SECRET", "KMS_KEY", "MAIL_FROM", "MAIL_QUEUE")


def measure() -> list[Figure]:
    """Return the figures of GET /api/jobs."""
    os.environ |= {name: os.environ.get(name, "x") for name in SETTINGS}
    os.environ |= {"AWS_DEFAULT_REGION": "eu-central-1", "FORGE_URL": "http://forge", "PUBLIC_URL": "http://api"}
    from chalicelib.forgejo.client import Forgejo
    from chalicelib.services import jobs
    from chalicelib.services.repository import Repository

    forge = _Answers()
    repository = Repository(Forgejo("http://forge", "t", forge), "crontopus", "ada")  # type: ignore[arg-type]
    _answer(repository)
    cold_calls = forge.calls
    _answer(repository)
    warm_calls = forge.calls - cold_calls

    def cold() -> float:
        jobs._listings.clear()
        return _cpu_ms(repository)

    return [
        Figure("jobs1000_forge_calls_cold", cold_calls, "calls", 3),
        Figure("jobs1000_forge_calls_warm", warm_calls, "calls", 1),
        Figure("jobs1000_cpu_cold", calibrated(cold, ROUNDS), "ms", 250),
        Figure("jobs1000_cpu_warm", calibrated(lambda: _cpu_ms(repository), ROUNDS), "ms", 30),
    ]


def _cpu_ms(repository: Any) -> float:
    before = time.process_time()
    _answer(repository)
    return (time.process_time() - before) * 1000


def _answer(repository: Any) -> bytes:
    """Return what GET /api/jobs?label=team=ops answers: every second of the jobs, as JSON."""
    from chalicelib.api import jobs as api
    from chalicelib.services import jobs
    from chalicelib.services.job_filters import JobFilter, page_of

    ask: Any = SimpleNamespace(known_caller=SimpleNamespace(tenant_id="ada"))
    wanted = JobFilter(labels={"team": "ops"})
    found = [stored for stored in jobs.list_jobs(repository).jobs if wanted.takes(stored.job)]
    shown = [api.shown_job(ask, stored).model_dump(mode="json") for stored in page_of(found, 500, None, None).jobs]
    assert len(shown) == JOBS // 2
    return json.dumps(shown).encode()


class _Answers:
    """A session that knows the three answers of a forge to a repository of this size."""

    def __init__(self) -> None:
        from chalicelib.domain import manifest
        from chalicelib.forgejo.archive import Archive, _shas_below
        from tests.fixtures.builders import job

        plain = io.BytesIO()
        with tarfile.open(fileobj=plain, mode="w:gz") as tar:
            for number in range(JOBS):
                made = job(name=f"job-{number}", env={"A": "1"}, labels={"team": "ops" if number % 2 else "web"})
                content = manifest.dump(made).encode()
                entry = tarfile.TarInfo(f"x/default/job-{number}.yaml")
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
        archive = Archive(plain.getvalue())
        tops = _shas_below(archive._files, archive._modes)
        tree = [{"path": name, "sha": sha, "mode": mode, "type": "tree", "size": 0} for name, (mode, sha) in tops.items()]
        self.calls = 0
        self._answers = {
            "commits": json.dumps([{"sha": COMMIT}]).encode(),
            COMMIT: json.dumps({"tree": tree, "total_count": len(tree)}).encode(),
            f"{COMMIT}.tar.gz": plain.getvalue(),
        }

    def request(self, method: str, url: str, **_: Any) -> "_Reply":
        self.calls += 1
        return _Reply(self._answers[url.rpartition("/")[2]])


class _Reply:
    status_code = 200

    def __init__(self, body: bytes) -> None:
        self._body = body

    def __enter__(self) -> "_Reply":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def iter_content(self, size: int) -> list[bytes]:
        return [self._body]
