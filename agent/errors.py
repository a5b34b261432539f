"""What a person does about each way the agent can be stuck.

The errors themselves are Crontopus' own: Unavailable says that waiting helps, Stalled that somebody must act. Their `code`
is a stable word, the key of this table, and what `status` prints.
"""

import errno

from chalicelib.domain.errors import CrontopusError, Stalled, Unavailable

_APPROVE = "approve with `crontopus endpoints approve-removals`, or here with `crontopus-agent sync --once --allow-removals`"

REMEDIES = {
    "not_enrolled": "run `crontopus-agent enroll --api-url URL` with an enrollment token",
    "update_unsupported": "update it as the message says",
    "update_missing": "check the version and channel; what lies where is the operator's: see docs/releases.md",
    "update_unavailable": "nothing, unless it lasts: then check the network",
    "update_untrusted": "nothing was installed; if it lasts, tell whoever runs the control plane: somebody may have meddled",
    "update_expired": "tell whoever runs the control plane: the release has to be signed anew",
    "update_older": "to go back to an older version all the same: self-update --to VERSION --allow-downgrade",
    "update_too_far": "run `crontopus-agent self-update --to` with the version named, then again",
    "update_damaged": "nothing was installed; try again, and if it lasts tell whoever runs the control plane",
    "update_broken": "the version that was there goes on; tell whoever made the release",
    "config": "correct config.yaml, or enroll again to have it written anew",
    "home_unusable": "give the agent a home folder it owns; CRONTOPUS_HOME, if set, is an absolute path without blanks or %",
    "disk_full": "free space on the disk that holds the agent's folder",
    "locked": "wait for the other command to end, or stop it",
    "state_newer": "this state was written by a newer agent: install that version again",
    "endpoint_revoked": "if this machine should go on, enroll it again and restart the agent; its jobs go on as they are",
    "endpoint_gone": "run `crontopus-agent uninstall` to remove its jobs, or enroll this machine anew and restart the agent; "
    "until then its jobs go on as they are",
    "duplicate_instance": "run `crontopus-agent enroll --new-identity` on this machine, or on the one it was copied from, and "
    "restart its agent; until then results wait in the spool and jobs go on",
    "unauthenticated": "if it lasts, enroll this machine again and restart the agent; its jobs go on as they are",
    "forbidden": "check that config.yaml and agent-token are those of one enrolment, or enroll again",
    "api_unavailable": "nothing, unless it lasts: then check the network and the API's address in config.yaml",
    "api_refused": "check that agent and control plane fit together; the message names what was refused",
    "git_unavailable": "nothing, unless it lasts: then check the network and that the forge runs",
    "git_auth": "the forge refuses this machine's credential: enroll again",
    "source_missing": "the repository is gone or hidden from this machine; restore it. The jobs stay as they are",
    "branch_missing": "the branch is gone; push it again. The jobs stay as they are",
    "source_damaged": "the copy of the repository cannot be read even when fetched anew; check the disk and the forge",
    "source_too_large": "the repository is larger than the agent takes; remove what does not belong into it",
    "repo_not_ours": "move the folder away: the agent makes its own copy and never removes a folder it did not make",
    "empty_repository": f"put the manifests back, or {_APPROVE}",
    "history_rewritten": f"look at what changed, then {_APPROVE}",
    "removals_held": f"look at what would go, then {_APPROVE}",
    "snapshot_damaged": "choose another one: `crontopus-agent restore --list`",
    "suspended": "end it with `crontopus-agent resume`, or `crontopus endpoints resume` if the control plane ordered it",
    "discovery_refused": "the message says what is not taken; if there are too many jobs, delete some. The lines run on",
    "keyring_locked": "unlock the keyring: log in to the desktop, or `secret-tool` and the like ask for its password",
    "keyring_missing": "set `credentials: file` in config.yaml and enroll again, or mend the keyring",
    "program_missing": "install cron (Debian: apt install cron), or name its program as `crontab` in config.yaml",
    "scheduler_unreadable": "run `crontab -l` as this user and mend what it says; until then nothing is written",
    "timeout": "see why `crontab` hangs: a full or dead disk, or a lock somebody holds",
    "table_refused": "run `crontab -l` and look at the message above; the table is as it was",
    "table_full": "this cron reads no more lines (the message says how many): spread the jobs over more machines or users",
    "table_disguised": "end the table's lines with plain newlines; `crontab -l | crontab -` does it with this cron",
    "scheduler_forbidden": "macOS wants a person's consent: allow /usr/sbin/cron and the program that runs this agent "
    "(a terminal, python3) in System Settings, Privacy & Security, Full Disk Access, then start the agent again",
    "cron_stopped": "start it (Debian: systemctl start cron, or service cron start; others: crond) and let it start at boot",
    "table_changed": "nothing: somebody edited the table at the same moment, the next round starts from what is there",
    "not_installed": "run `crontopus-agent install`; `crontopus-agent run` runs the agent in the foreground",
    "no_service_manager": "docs/services.md says what to put where for OpenRC, runit and System V init",
    "service_taken": "one service of each user: uninstall that one with its CRONTOPUS_HOME, or run this agent by other means",
    "service_refused": "read what it says above; where this very command needs root, give it that",
    "service_failed": "see why in its log: `journalctl -u crontopus-agent` (a user's: with --user), or agent.log",
    "stuck": "nothing, unless it comes again: then see where it hangs in agent.log, and report it",
    "table_damaged": "the former table was put back; compare it with the newest file in backups/",
    "python_open": "install Python for all users, below Program Files, and install the agent anew",
    "task_denied": "Windows refuses the task to this account: run the agent as SYSTEM or as an administrator",
    "task_account": "the account that jobs run as cannot run tasks: give it the right to log on as a batch job",
    "task_refused": "look at the message, then at \\Crontopus in Task Scheduler; the other tasks are as they should be",
    "task_foreign": "another task has the name that ours needs: rename it in Task Scheduler",
    "task_altered": "Windows stores another task than was written; the message shows it. Please report it",
    "scheduler_stopped": "start the service Schedule (Task Scheduler); nothing runs until then",
}


def remedy(code: str) -> str:
    """Return what to do about an error of this code, in words."""
    return REMEDIES.get(code, "see agent.log")


def in_words(error: CrontopusError) -> str:
    """Return what a person at a terminal is told: the error, what to do, and each problem."""
    problems = "".join(f"\n  {place}: {problem}" for place, problem in error.problems.items())
    return f"error: {error.message} ({error.code})\n{remedy(error.code)}{problems}"


def of_os_error(error: OSError, what: str) -> CrontopusError:
    """Return the error that says what the system refused: a full disk may get better, a refusal does not."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Unavailable(f"{what}: {error.strerror}", code="disk_full", retry_after_s=60)
    return Stalled(f"{what}: {error.strerror or error}", code="home_unusable")
