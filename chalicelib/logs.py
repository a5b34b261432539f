"""One JSON line per event, with what is secret masked whoever logs it."""

import re
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

# Our tokens, JWTs, user:password in URLs, and values of fields that are never anyone's business.
_SECRET = re.compile(
    r"ct[a-z]_[0-9A-Za-z]{8,}"
    r"|eyJ[\w-]+\.[\w-]+\.[\w-]*"
    r"|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"
    r"|(?i:(?<=bearer )|(?<=basic )|(?<=token ))[\w.~+/=-]{8,}"
)
_SECRET_FIELDS = re.compile(
    r'("(?:password|secret|token|access_token|refresh_token|authorization)"\s*:\s*)"[^"]*"', re.IGNORECASE
)
MASK = "***"


def redact(text: str) -> str:
    """Return the text with every secret it can recognise replaced by ***."""
    return _SECRET.sub(MASK, _SECRET_FIELDS.sub(rf'\1"{MASK}"', text))


class RedactingFormatter(LambdaPowertoolsFormatter):
    """Masks the finished line, so that no logger, extra field or traceback gets around it."""

    def format(self, record: Any) -> str:
        return redact(super().format(record))


log = Logger(service="crontopus", logger_formatter=RedactingFormatter(utc=True))
