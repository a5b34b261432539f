"""The poll beside the webhook: whatever was pushed is looked at, also where no event came.

The forge lists repositories by when they last changed, so a quiet minute costs one forge call whatever the number of tenants. A
commit that has our verdict was looked at already, by the webhook or by the poll before.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from chalicelib import config
from chalicelib.domain import names, webhooks
from chalicelib.domain.errors import Conflict, CrontopusError, Unavailable
from chalicelib.forgejo.client import Forgejo
from chalicelib.forgejo.files import ChangedRepository
from chalicelib.logs import log
from chalicelib.services import doors, tending
from chalicelib.services.repository import Repository
from chalicelib.store import watermarks
from chalicelib.vault import Vault

WORKER = "tend-repositories"
# One invocation tends so many, and looks at so many; what is left over is the next one's.
MAX_TENDED = 50
MAX_LOOKED_AT = 500
_MAX_PAGES = 1000


def open_poll(random: Callable[[int], bytes]) -> "Poll":
    """Return the poll of this deployment."""
    settings = config.load()
    return Poll(
        forge=doors.forge(),
        admin=doors.forge_provisioning(),
        vault=doors.vault(),
        organization=settings.forge_organization,
        public_url=settings.public_url,
        random=random,
        request_id=f"poll-{random(8).hex()}",
    )


@dataclass(frozen=True, slots=True)
class Poll:
    """What the poll acts upon. public_url: of this API, which webhooks call. random: gives n bytes."""

    forge: Forgejo
    admin: Forgejo
    vault: Vault
    organization: str
    public_url: str
    random: Callable[[int], bytes]
    request_id: str

    def tend_changed(self) -> Mapping[str, int]:
        """Tend repositories that changed since the last time, the longest waiting first, and return what was done how often.

        Twice is the same as once. Raise Unavailable if the forge is down: what was done until then stays done.
        """
        before = watermarks.find(WORKER)
        changed = self._changed_since(before)[:MAX_LOOKED_AT]
        counts: Counter[str] = Counter()
        reached = before
        try:
            for one in changed:
                counts[self._look(one)] += 1
                reached = one.changed_at
                if counts.total() - counts["known"] >= MAX_TENDED:
                    break
        finally:
            if reached and reached != before:
                watermarks.advance(WORKER, before, reached)
        return counts

    def _changed_since(self, moment: datetime | None) -> list[ChangedRepository]:
        """Return the tenants' repositories that changed at or after a moment, oldest first: the forge counts whole seconds."""
        found: list[ChangedRepository] = []
        prefix = names.repository_name("")
        for page in range(1, _MAX_PAGES):
            listed = self.forge.list_changed(prefix, page)
            new = [one for one in listed if moment is None or one.changed_at >= moment]
            found += [one for one in new if one.owner == self.organization and one.name.startswith(prefix)]
            if not listed or len(new) < len(listed):
                break
        # A repository that changes while we turn the pages may stand on two of them.
        return sorted({one.name: one for one in reversed(found)}.values(), key=lambda one: (one.changed_at, one.name))

    def _look(self, one: ChangedRepository) -> str:
        """Tend one repository if nobody has. A failure that is its own keeps no other from being looked at."""
        repository = Repository(self.forge, one.owner, one.name.removeprefix(names.repository_name("")))
        try:
            head = repository.head()
            if head is None or self.forge.has_status(one.owner, one.name, head, tending.CONTEXT):
                return "known"
            tending.tend(repository, self.random, self.request_id)
            return "hooked" if self._mend_hook(repository) else "tended"
        except Unavailable:
            raise
        except Conflict:
            # Somebody committed meanwhile, so that it is seen again.
            return "busy"
        except CrontopusError as e:
            log.warning("a repository was not tended", extra={"tenant_id": repository.tenant_id, "why": e.message})
            return "failed"

    def _mend_hook(self, repository: Repository) -> bool:
        """Make the webhook where there is none: no event has told of this push. Return whether it was missing."""
        url = f"{self.public_url}{webhooks.PATH}"
        if self.admin.has_hook(repository.owner, repository.name, url):
            return False
        key = list(self.vault.secret().jwt_keys.values())[-1]
        self.admin.ensure_hook(repository.owner, repository.name, url, webhooks.secret_of(key, repository.tenant_id))
        return True
