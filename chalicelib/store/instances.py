"""The instances table: the state of one job on one endpoint, derived from the ledger."""

from pynamodb.attributes import UnicodeAttribute
from pynamodb.exceptions import PynamoDBException

from chalicelib.domain.runs import Run
from chalicelib.store.tables import MomentAttribute, Table, is_condition_failure, store_errors, table_name


class InstanceItem(Table):
    class Meta:
        table_name = table_name("instances")

    endpoint_key = UnicodeAttribute(hash_key=True)
    job_id = UnicodeAttribute(range_key=True)
    job_key = UnicodeAttribute()
    job_name = UnicodeAttribute()
    namespace = UnicodeAttribute()
    last_run_id = UnicodeAttribute()
    last_status = UnicodeAttribute()
    last_started_at = MomentAttribute()


def record_last(run: Run) -> bool:
    """Write down that this is the newest run of its instance; False if a newer one, or its own result, is known."""
    item = InstanceItem(f"{run.tenant_id}#{run.endpoint_id}", run.job_id)
    is_older = InstanceItem.last_run_id < run.run_id
    is_its_start = (InstanceItem.last_run_id == run.run_id) & (InstanceItem.last_status == "running")
    try:
        with store_errors():
            item.update(
                actions=[
                    InstanceItem.job_key.set(f"{run.tenant_id}#{run.job_id}"),
                    InstanceItem.job_name.set(run.job_name),
                    InstanceItem.namespace.set(run.namespace),
                    InstanceItem.last_run_id.set(run.run_id),
                    InstanceItem.last_status.set(run.status),
                    InstanceItem.last_started_at.set(run.started_at),
                ],
                condition=InstanceItem.last_run_id.does_not_exist() | is_older | is_its_start,
            )
    except PynamoDBException as e:
        if not is_condition_failure(e):
            raise
        return False
    return True
