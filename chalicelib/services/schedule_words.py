"""A schedule in plain English."""

from chalicelib.domain.schedule import REBOOT, normalized


def describe(expression: str) -> str:
    """Return what a schedule means, such as `At 03:30, Monday through Friday`. Raise Invalid if it has a problem."""
    fields = normalized(expression)
    if fields == REBOOT:
        return "At every start of the machine"
    # Two hundred lines of tables in ten languages: loaded only where somebody asks.
    from cron_descriptor import ExpressionDescriptor, Options

    options = Options()
    options.use_24hour_time_format = True
    options.day_of_week_start_index_zero = True
    words = str(ExpressionDescriptor(fields, options).get_full_description())
    return words.replace(", or ", ", but only ") if _wants_both_days(fields) else words


def _wants_both_days(fields: str) -> bool:
    """Tell whether day of month and day of week must both fit: crontab(5) says so where one of them begins with `*`."""
    _, _, day, _, weekday = fields.split()
    return "*" not in (day, weekday) and (day.startswith("*") or weekday.startswith("*"))
