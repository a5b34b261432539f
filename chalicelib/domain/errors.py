"""The errors of Crontopus, drawn as one tree.

    CrontopusError
    +-- Malformed         the bytes cannot be read at all (no JSON, not UTF-8)
    +-- Invalid           read, but a field breaks a rule; `problems` names each one
    +-- Unauthenticated   no credential, or none that is known and in force
    +-- Forbidden         known, but not allowed to do this
    +-- NotFound
    +-- Gone              was there, was deleted, and does not come back
    +-- GrantRefused      what was brought opens no session, or not yet; `code` is OAuth's word
    +-- Conflict          the thing is not in the state the caller expected
    +-- TooLarge
    +-- TooManyRequests   this caller has sent enough for now
    +-- Unavailable       something behind us is down; waiting helps
    +-- Stalled           a person or a commit has to change something first

The agent sorts its own errors by one question, "does waiting help": Unavailable says yes, Stalled says no.
"""

from collections.abc import Mapping


class CrontopusError(Exception):
    """An error that is meant to be read by a person.

    code: stable word for programs. problems: path of the field -> what is wrong with it; empty where no field is to blame.
    """

    code = "internal"

    def __init__(self, message: str, *, problems: Mapping[str, str] | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.problems = dict(problems or {})
        if code:
            self.code = code


class Malformed(CrontopusError):
    code = "malformed"


class Invalid(CrontopusError):
    code = "invalid"

    @classmethod
    def of(cls, problems: Mapping[str, str]) -> "Invalid":
        """Return the error for these problems, its message counting them."""
        count = len(problems)
        return cls(f"{count} problem" + ("s" if count != 1 else ""), problems=problems)


class Unauthenticated(CrontopusError):
    code = "unauthenticated"


class Forbidden(CrontopusError):
    code = "forbidden"


class NotFound(CrontopusError):
    code = "not_found"


class Gone(CrontopusError):
    code = "gone"


class GrantRefused(CrontopusError):
    code = "invalid_grant"


class Conflict(CrontopusError):
    code = "conflict"


class TooLarge(CrontopusError):
    code = "too_large"


class TooManyRequests(CrontopusError):
    """retry_after_s: until the caller's window ends."""

    code = "rate_limited"

    def __init__(self, message: str, *, retry_after_s: int, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after_s = retry_after_s


class Unavailable(CrontopusError):
    """retry_after_s: how long to wait before the next try makes sense."""

    code = "unavailable"

    def __init__(
        self, message: str, *, retry_after_s: int = 5, code: str | None = None, problems: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message, code=code, problems=problems)
        self.retry_after_s = retry_after_s


class Stalled(CrontopusError):
    code = "stalled"
