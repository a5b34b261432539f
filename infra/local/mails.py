"""The mails that the embedded AWS took and keeps until it stops; it hands none of them on."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests

_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class CaughtMail:
    """link: the first address in its text, empty if there is none."""

    to: str
    subject: str
    link: str


def address(aws_url: str) -> str:
    """Return where all of them can be read."""
    return f"{aws_url}/_ministack/ses/messages"


def newest(aws_url: str) -> CaughtMail | None:
    """Return the mail that came last, None if there is none, or none that can be read."""
    try:
        answer = requests.get(address(aws_url), timeout=_TIMEOUT_S)
        answer.raise_for_status()
        return newest_of(answer.json())
    except (requests.RequestException, ValueError):
        return None


def newest_of(answer: Mapping[str, Any]) -> CaughtMail | None:
    """Return the mail with the newest moment in the emulator's answer, None if it holds none."""
    mails = [mail for account in answer["messages"].values() for mail in account]
    if not mails:
        return None
    last = max(mails, key=lambda mail: float(mail["Timestamp"]))
    link = re.search(r"https?://\S+", last["BodyText"])
    return CaughtMail(", ".join(last["To"]), last["Subject"], link[0] if link else "")
