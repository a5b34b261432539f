import json
import time

import pytest

from agent.logs import redacted
from agent.shapes import shapes
from tests.fixtures.builders import JOB_ID

SECRETS = {
    "our token": "cte_" + "A" * 49,
    "a header": "Authorization: Bearer abcdef0123456789",
    "basic auth": "Basic dTpzZWNyZXRzZWNyZXQ=",
    "forge header": "token 0123456789abcdef0123456789abcdef01234567",
    "an address": "https://ada:hunter22@git.example.com/r.git",
    "slack": "https://hooks.slack.com/services/T0000/B0000/XXXXXXXXXXXX",
    "ping": "https://api.example.com/ping/5f0c7f0e-0d7c-4c5e-9a52-7d2d6f4b1c11",
    "shell": "PASSWORD=hunter22",
    "digits": "password=12345678",
    "yaml": "db_password: hunter22",
    "query": "https://h/?api_key=hunter22&x=1",
    "option": "--token=hunter22",
    "cookie": "Cookie: session=hunter22",
}
HIDDEN = ("AAAA", "abcdef01", "dTpz", "hunter22", "XXXX", "12345678", "7d2d6f4b1c11")


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
@pytest.mark.parametrize("form", ["{}", "said {} and went", '{{"why": "{}"}}'])
def test_every_kind_of_secret_is_blacked_out(secret: str, form: str) -> None:
    told = redacted(form.format(secret))

    assert "[redacted]" in told
    assert not [hidden for hidden in HIDDEN if hidden in told]


@pytest.mark.parametrize(
    "event",
    [
        {"token": None, "password": True, "secret": 7, "token_rotated": {"a": 1}, "tokens": [1, 2]},
        {"password": "hunter22", "next": "kept"},
        {"why": 'the body was {"token": "hunter22"}', "n": 1},
        {"event": "token rotated", "endpoint_id": "ep-1"},
    ],
)
def test_a_line_of_json_stays_one(event: dict[str, object]) -> None:
    read = json.loads(redacted(json.dumps(event)))

    assert read.keys() == event.keys()
    assert "hunter22" not in str(read)


@pytest.mark.parametrize(
    "text", ["CRONTOPUS:5f0c7d6e-4b1a-4c3d-9e2f-0a1b2c3d4e5f", "commit a4a1431f1e5b", "https://git.example.com/r.git"]
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redacted(text) == text


def test_a_long_line_costs_little() -> None:
    began = time.process_time()
    redacted("token: " * 20_000 + "password" * 20_000 + "=" * 50_000)

    assert time.process_time() - began < 1


def test_of_a_crontab_only_the_shape_is_shown() -> None:
    table = (
        b"# my secret note\nMAILTO=ada@example.com\n\n0 1 * * * mysqldump -phunter22 db # CRONTOPUS:ID\n"
        b"@daily curl https://x/?key=hunter22\ngarb\x1b[2Jage\n# BEGIN CRONTOPUS ep-1\n"
        b"*/5 * * * * /h/.crontopus/bin/run-job CRONTOPUS:ID\n# END CRONTOPUS ep-1\n"
    )

    table = table.replace(b"ID", JOB_ID.encode())

    assert shapes(table).replace(JOB_ID, "ID").splitlines() == [
        "# [comment, 16 bytes]",
        "MAILTO=[15 bytes]",
        "",
        "0 1 * * * [command, 72 bytes] # CRONTOPUS:ID",
        "@daily [command, 28 bytes]",
        "[no line that cron reads, 11 bytes]",
        "# BEGIN CRONTOPUS ep-1",
        "*/5 * * * * /h/.crontopus/bin/run-job CRONTOPUS:ID",
        "# END CRONTOPUS ep-1",
    ]
