"""Limits on what one request may hold."""

from chalicelib.domain.errors import TooLarge

MAX_BODY_BYTES = 256 * 1024


def refuse_large_body(size_bytes: int) -> None:
    """Raise TooLarge if a request's body is over the limit."""
    if size_bytes > MAX_BODY_BYTES:
        raise TooLarge(f"the body has {size_bytes} bytes; at most {MAX_BODY_BYTES} are read")
