"""From a request to the caller's own repository, and to the change they are about to make in it."""

from chalicelib import config
from chalicelib.api.blueprint import Ask
from chalicelib.services import doors, sessions
from chalicelib.services.repository import Change, Repository, author_of


def repository_of(ask: Ask) -> Repository:
    return Repository(doors.forge(), config.load().forge_organization, ask.known_caller.tenant_id)


def change_of(ask: Ask) -> Change:
    tenant = sessions.account(ask.known_caller)
    return Change(author_of(ask.known_caller, tenant.email), ask.request_id)
