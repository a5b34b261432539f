"""Routes by which endpoints change their token, and machines their tenant."""

from datetime import UTC, datetime

from chalicelib.api.blueprint import ApiBlueprint, Ask, Model, Moment
from chalicelib.api.endpoints import EndpointAnswer, endpoint_out
from chalicelib.domain import limits
from chalicelib.services import doors, endpoint_tokens, transfers

bp = ApiBlueprint(__name__)


class RotatedToken(Model):
    token: str
    previous_valid_until: Moment


@bp.api(
    "POST",
    "/api/endpoints/{endpoint_id}/token",
    auth="endpoint",
    limit=limits.ROTATE,
    returns=RotatedToken,
    audit="endpoint.token_rotated",
)
def rotate_token(ask: Ask, endpoint_id: str) -> RotatedToken:
    """Give an endpoint a new token; its old one is good for another day, and gives the same new one when it asks again."""
    # Its successor is derived from the token itself, of which the store holds but the digest.
    token = ask.request.headers["authorization"].partition(" ")[2].strip()
    keys = doors.vault().secret().jwt_keys
    rotated = endpoint_tokens.rotate(keys, ask.known_caller, endpoint_id, token, datetime.now(UTC))
    return RotatedToken(token=rotated.token, previous_valid_until=rotated.previous_valid_until)


@bp.api(
    "POST",
    "/api/endpoints/{endpoint_id}/release",
    auth="user",
    scope="write:endpoints",
    returns=EndpointAnswer,
    audit="endpoint.released",
)
def release_endpoint(ask: Ask, endpoint_id: str) -> EndpointAnswer:
    """Let another tenant take the machine over within a week; then this endpoint ends."""
    now = datetime.now(UTC)
    return EndpointAnswer(endpoint=endpoint_out(transfers.release(ask.known_caller, endpoint_id, now), now))
