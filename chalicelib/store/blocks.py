"""Blocked addresses and trusted networks, in the counters table; all of one sort are found by its index `listed`."""

from datetime import datetime

from pynamodb.attributes import UnicodeAttribute
from pynamodb.connection import TableConnection
from pynamodb.exceptions import PynamoDBException

from chalicelib.domain.blocks import FORGOTTEN_AFTER, Block, id_of
from chalicelib.store.counters import CounterItem, ListedIndex
from chalicelib.store.tables import MomentAttribute, Table, WholeNumber, is_condition_failure, store_errors, table_name

BLOCK, TRUSTED = "block", "trusted"


class BlockItem(Table):
    class Meta:
        table_name = table_name("counters")

    key = UnicodeAttribute(hash_key=True)
    listed = UnicodeAttribute()
    address = UnicodeAttribute()
    level = WholeNumber(default=0)
    because = UnicodeAttribute(null=True)
    created_at = MomentAttribute()
    until = MomentAttribute(null=True)
    pardoned_until = MomentAttribute(null=True)
    ttl = WholeNumber(null=True)
    listed_index = ListedIndex()

    @classmethod
    def _get_connection(cls) -> TableConnection:
        # A client takes each table once, and the counters' model brings this one.
        return CounterItem._get_connection()


def list_all() -> list[Block]:
    """Return every address that is blocked, or was within the last 30 days; one Query a megabyte."""
    with store_errors():
        return [_block(item) for item in BlockItem.listed_index.query(BLOCK)]


def find(address: str) -> Block | None:
    """Return the address's last block, in force or not, or None."""
    try:
        with store_errors():
            return _block(BlockItem.get(_key(id_of(address)), consistent_read=True))
    except BlockItem.DoesNotExist:
        return None


def find_by_id(block_id: str) -> Block | None:
    """Return the block with this id, in force or not, or None."""
    try:
        with store_errors():
            return _block(BlockItem.get(_key(block_id), consistent_read=True))
    except BlockItem.DoesNotExist:
        return None


def put(block: Block, before: Block | None) -> bool:
    """Store a block in place of `before`, and tell whether that was still the one: of several who block, one does."""
    ended_at = block.pardoned_until or block.until
    item = BlockItem(
        _key(block.block_id),
        listed=BLOCK,
        address=block.address,
        level=block.level,
        because=block.because,
        created_at=block.created_at,
        until=block.until,
        pardoned_until=block.pardoned_until,
        ttl=int((ended_at + FORGOTTEN_AFTER).timestamp()) if ended_at else None,
    )
    unchanged = BlockItem.created_at == before.created_at if before else BlockItem.key.does_not_exist()
    try:
        with store_errors():
            item.save(condition=unchanged)
    except PynamoDBException as e:
        if not is_condition_failure(e):
            raise
        return False
    return True


def list_trusted() -> list[tuple[str, str, datetime]]:
    """Return every trusted network: the network, why, since when."""
    with store_errors():
        return [(item.address, item.because or "", item.created_at) for item in BlockItem.listed_index.query(TRUSTED)]


def trust(network: str, because: str, now: datetime) -> None:
    """Store a trusted network."""
    with store_errors():
        BlockItem(_trusted_key(id_of(network)), listed=TRUSTED, address=network, because=because, created_at=now).save()


def distrust(network_id: str) -> bool:
    """Remove a trusted network and tell whether it was there."""
    try:
        with store_errors():
            BlockItem(_trusted_key(network_id)).delete(condition=BlockItem.key.exists())
    except PynamoDBException as e:
        if not is_condition_failure(e):
            raise
        return False
    return True


def _key(block_id: str) -> str:
    return f"block#{block_id}"


def _trusted_key(network_id: str) -> str:
    return f"trusted#{network_id}"


def _block(item: BlockItem) -> Block:
    return Block(item.address, int(item.level), item.because or "", item.created_at, item.until, item.pardoned_until)
