"""Deciding what changes in the scheduler. Nothing here reads or writes anything."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from agent.schedulers.base import Entry, Item
from chalicelib.domain.errors import Stalled

# Small changes go through however small the machine; of larger ones at most half.
FREE_REMOVALS = 5
MAX_REMOVED_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Change:
    """A job whose line becomes another."""

    job_id: str
    old: bytes
    new: bytes


@dataclass(frozen=True, slots=True)
class Plan:
    """What would change, and what our block holds afterwards.

    pauses: jobs that stay defined but lose their line. removals: jobs that nothing defines any more. repeats: second lines of
    one job. foreign: lines in our block that are not ours. lines: the block after all of it. kept_lines: after all but the
    removals. desired: how many jobs are defined, paused ones included.
    """

    adds: tuple[Entry, ...] = ()
    changes: tuple[Change, ...] = ()
    pauses: tuple[Item, ...] = ()
    removals: tuple[Item, ...] = ()
    repeats: tuple[Item, ...] = ()
    unchanged: tuple[Item, ...] = ()
    foreign: tuple[bytes, ...] = ()
    lines: tuple[bytes, ...] = ()
    kept_lines: tuple[bytes, ...] = ()
    desired: int = 0

    @property
    def owned(self) -> int:
        """How many jobs have a line of ours before the change."""
        return len(self.changes) + len(self.pauses) + len(self.removals) + len(self.unchanged)

    @property
    def is_empty(self) -> bool:
        return not (self.adds or self.changes or self.pauses or self.removals or self.repeats)


def plan(
    desired: Iterable[Entry],
    actual: Iterable[Item],
    owned: Collection[str] | None = None,
    doubled: Collection[str] = (),
) -> Plan:
    """Return the steps from the lines of our block to the desired ones, matched by job id; lines keep their order.

    owned: ids that are known to be ours; a marked line of another id that nobody desires is left alone.
    None: nothing is known any more, so every marked line in our block counts as ours.
    doubled: ids of jobs whose further lines stay.
    """
    wanted = {entry.job_id: entry for entry in desired}
    draft = _Draft(wanted, owned, doubled)
    for item in actual:
        draft.take(item)
    return draft.finished()


class _Draft:
    def __init__(self, wanted: Mapping[str, Entry], owned: Collection[str] | None, doubled: Collection[str]) -> None:
        self.wanted = wanted
        self.owned = owned
        self.doubled = doubled
        self.seen: set[str] = set()
        self.changes: list[Change] = []
        self.pauses: list[Item] = []
        self.removals: list[Item] = []
        self.repeats: list[Item] = []
        self.unchanged: list[Item] = []
        self.foreign: list[bytes] = []
        self.lines: list[bytes] = []
        self.kept_lines: list[bytes] = []

    def take(self, item: Item) -> None:
        entry = self.wanted.get(item.job_id or "")
        if item.job_id is None or (entry is None and self.owned is not None and item.job_id not in self.owned):
            self.foreign.append(item.line)
            self._keep(item.line)
        elif item.job_id in self.seen:
            if item.job_id in self.doubled:
                self._keep(item.line)
            else:
                self.repeats.append(item)
        else:
            self.seen.add(item.job_id)
            self._take_first(item, entry)

    def _take_first(self, item: Item, entry: Entry | None) -> None:
        if entry is None:
            self.removals.append(item)
            self.kept_lines.append(item.line)
        elif entry.line is None:
            self.pauses.append(item)
        elif entry.line == item.line:
            self.unchanged.append(item)
            self._keep(item.line)
        else:
            self.changes.append(Change(entry.job_id, item.line, entry.line))
            self._keep(entry.line)

    def _keep(self, line: bytes) -> None:
        self.lines.append(line)
        self.kept_lines.append(line)

    def finished(self) -> Plan:
        adds = [entry for entry in self.wanted.values() if entry.line is not None and entry.job_id not in self.seen]
        for entry in adds:
            self._keep(entry.line or b"")
        return Plan(
            adds=tuple(adds),
            changes=tuple(self.changes),
            pauses=tuple(self.pauses),
            removals=tuple(self.removals),
            repeats=tuple(self.repeats),
            unchanged=tuple(self.unchanged),
            foreign=tuple(self.foreign),
            lines=tuple(self.lines),
            kept_lines=tuple(self.kept_lines),
            desired=len(self.wanted),
        )


def refuse_wipeout(plan: Plan, owned: int, *, is_rewritten: bool = False) -> None:
    """Raise Stalled if the plan's removals are not to be trusted without a person; the rest of the plan may go ahead.

    owned: how many jobs have a line of ours now. is_rewritten: the new commit does not descend from the one applied last.
    """
    count = len(plan.removals)
    if not count:
        return
    share = f"{count} of {owned} jobs would be removed"
    if is_rewritten:
        raise Stalled(f"the branch's history was rewritten and {share}; they are kept", code="history_rewritten")
    if plan.desired == 0:
        raise Stalled(f"the repository defines no job any more and {share}; they are kept", code="empty_repository")
    if count > max(FREE_REMOVALS, owned * MAX_REMOVED_SHARE):
        raise Stalled(f"{share} in one step; they are kept", code="removals_held")
