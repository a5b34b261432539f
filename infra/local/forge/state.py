"""What every request works on."""

from dataclasses import dataclass
from itertools import islice

from dulwich.repo import Repo

from infra.local.forge import objects, shapes
from infra.local.forge.accounts import Account
from infra.local.forge.database import Database
from infra.local.forge.deliveries import Deliveries
from infra.local.forge.repositories import Repository
from infra.local.forge.storage import Storage

NOTHING = "0" * 40
PAYLOAD_COMMITS = 15


@dataclass(frozen=True, slots=True)
class Forge:
    """url: as clients write it, without a slash at the end."""

    url: str
    db: Database
    storage: Storage
    deliveries: Deliveries

    def announce(self, one: Repository, repo: Repo, pusher: Account, ref: str, before: str, after: str) -> None:
        """Tell the hooks that a ref moved. A deleted ref is another event, which nobody here listens to."""
        if after == NOTHING:
            return
        payload = shapes.push(self.url, one, pusher, ref, before, after)
        exclude = [before.encode()] if objects.find(repo, before) else []
        walked = list(repo.get_walker(include=[after.encode()], exclude=exclude))
        newest = islice((entry.commit for entry in walked), PAYLOAD_COMMITS)
        payload["commits"] = [shapes.pushed_commit(self.url, one, repo, made) for made in newest]
        payload["total_commits"] = len(walked)
        self.deliveries.announce(one, ref, payload)
