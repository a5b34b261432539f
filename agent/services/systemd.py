"""systemd: a unit of the system for root's agent, one of the user's own manager for anybody else's."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.services.base import NEEDS_A_PERSON, Remove, Run, Setup, Step, Write
from agent.shelters import BASES
from chalicelib.domain.errors import Stalled

UNIT = "crontopus-agent.service"
WATCHDOG_S = 120

_HEAD = """\
# Written by `crontopus-agent install`, which writes it anew. What you put into
# `systemctl {user}edit {unit}` stays.
"""

_PACKAGED_ENVIRONMENT = "/etc/default/crontopus-agent"
_PACKAGED_HEAD = """\
# What you put into `systemctl edit crontopus-agent` stays when the package is updated.
"""

# Always: whoever ends the agent, nobody else would bring it back. For the same reason there is no limit of starts;
# where only a person can help it ends with a code after which it is not started.
# mixed: a stop must not hit the crontab(1) that is just writing the table.
_SERVICE = f"""\
SyslogIdentifier=crontopus-agent
Restart=always
RestartSec=5
RestartPreventExitStatus={NEEDS_A_PERSON}
WatchdogSec={WATCHDOG_S}
TimeoutStartSec=60
TimeoutStopSec=30
KillMode=mixed
UMask=0077
MemoryMax=256M
TasksMax=64
"""

# Jobs are cron's children, not ours: none of this touches them.
_SANDBOX = """\
# The table belongs to root, but crontab(1) has to leave it with cron's group: no NoNewPrivileges here.
ProtectSystem=strict
ProtectHome=read-only
ReadWritePaths={writable}
# Not PrivateTmp: that would hide /var/tmp, where run-job leaves results when D cannot be written.
TemporaryFileSystem=/tmp:mode=1777,size=64M
PrivateDevices=yes
PrivateMounts=yes
ProtectClock=yes
ProtectHostname=yes
ProtectControlGroups=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
# No ProtectProc: which runs are still going on is read from /proc.
LockPersonality=yes
MemoryDenyWriteExecute=yes
RemoveIPC=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
KeyringMode=private
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallFilter=@chown @setuid
# Tables of other users are looked at, never written.
CapabilityBoundingSet=CAP_DAC_READ_SEARCH
"""

# An unprivileged manager turns NoNewPrivileges on along with any option of the sandbox, and crontab(1) is setgid.
_NO_SANDBOX = """\
# Nothing here may turn on NoNewPrivileges, as every sandboxing option does in a user's unit: crontab(1) is setgid.
"""


@dataclass(frozen=True, slots=True)
class Systemd:
    """config_home: the user's folder for configuration, None: the usual one."""

    config_home: Path | None = None

    @property
    def name(self) -> str:
        return "systemd"

    def file(self, setup: Setup) -> Write:
        if setup.is_root:
            return Write(Path("/etc/systemd/system") / UNIT, unit(setup).encode())
        folder = self.config_home or setup.user_home / ".config"
        return Write(folder / "systemd" / "user" / UNIT, unit(setup).encode())

    def install(self, setup: Setup, *, is_new: bool) -> Sequence[Step]:
        steps = (Run(_ctl(setup, "enable", UNIT)), Run(_ctl(setup, "restart" if is_new else "start", UNIT)))
        return (Run(_ctl(setup, "daemon-reload")), *steps) if is_new else steps

    def uninstall(self, setup: Setup) -> Sequence[Step]:
        return (
            Run(_ctl(setup, "disable", "--now", UNIT)),
            Remove(self.file(setup).path),
            Run(_ctl(setup, "daemon-reload"), may_fail=True),
            Run(_ctl(setup, "reset-failed", UNIT), may_fail=True),
        )

    def start(self, setup: Setup) -> Sequence[Step]:
        return (Run(_ctl(setup, "start", UNIT)),)

    def stop(self, setup: Setup) -> Sequence[Step]:
        return (Run(_ctl(setup, "stop", UNIT)),)

    def restart(self, setup: Setup) -> Sequence[Step]:
        return (Run(_ctl(setup, "restart", UNIT)),)

    def hints(self, setup: Setup) -> Sequence[str]:
        log = f"its log: journalctl {'' if setup.is_root else '--user '}-u {UNIT.removesuffix('.service')}"
        if setup.is_root:
            return (log,)
        return (f"so that it runs while you are logged out: loginctl enable-linger {setup.login}", log)


@dataclass(frozen=True, slots=True)
class Packaged(Systemd):
    """A service whose unit came with a package, which also takes it away."""

    folder: Path = Path("/lib/systemd/system")

    def file(self, setup: Setup) -> Write:
        path = self.folder / UNIT
        try:
            return Write(path, path.read_bytes())
        except OSError as e:
            raise Stalled(f"{path} belongs to the package and is missing: reinstall it", code="not_installed") from e

    def uninstall(self, setup: Setup) -> Sequence[Step]:
        return (Run(_ctl(setup, "disable", "--now", UNIT)),)


def packaged_unit(setup: Setup) -> str:
    """Return the unit that a package brings: it does not start before the machine is enrolled."""
    condition = f"ConditionPathExists={setup.home / 'config.yaml'}"
    section = _unit_section(setup).replace("[Unit]\n", f"[Unit]\n{condition}\n", 1)
    service = _service_section(setup).replace("[Service]\n", f"[Service]\nEnvironmentFile=-{_PACKAGED_ENVIRONMENT}\n", 1)
    return "\n".join((_PACKAGED_HEAD, section, service, _install_section(setup)))


def unit(setup: Setup) -> str:
    """Return the unit's file."""
    return "\n".join((_head(setup), _unit_section(setup), _service_section(setup), _install_section(setup)))


def _head(setup: Setup) -> str:
    return _HEAD.format(user="" if setup.is_root else "--user ", unit=UNIT.removesuffix(".service"))


def _unit_section(setup: Setup) -> str:
    lines = ["[Unit]", "Description=Crontopus agent"]
    if setup.is_root:
        lines += ["After=network-online.target", "Wants=network-online.target"]
    return "\n".join([*lines, f"RequiresMountsFor={quoted(str(setup.home))}", "StartLimitIntervalSec=0", ""])


def _service_section(setup: Setup) -> str:
    lines = ["[Service]", "Type=notify", f"NotifyAccess={'all' if setup.is_forking else 'main'}"]
    lines.append(f"ExecStart={' '.join(quoted(word, is_command=True) for word in (*setup.command, 'run'))}")
    lines.append("ExecReload=/bin/kill -HUP $MAINPID")
    if setup.folder:
        lines.append(f"WorkingDirectory={str(setup.folder).replace('%', '%%')}")
    lines += [f"Environment={quoted(f'{name}={value}')}" for name, value in sorted(setup.environ.items())]
    body = "\n".join(lines) + "\n" + _SERVICE
    return body + (_SANDBOX.format(writable=_writable(setup)) if setup.is_root else _NO_SANDBOX)


def _install_section(setup: Setup) -> str:
    return f"[Install]\nWantedBy={'multi-user.target' if setup.is_root else 'default.target'}\n"


def _writable(setup: Setup) -> str:
    """Return the folders that stay writable; one that is missing (`-`) does not keep the agent from starting."""
    shelters = (Path(base % setup.uid if "%d" in base else base) for base in BASES)
    return " ".join(quoted(f"-{path}") for path in (setup.home, Path("/var/spool/cron"), *shelters, *setup.writable))


def quoted(word: str, *, is_command: bool = False) -> str:
    """Return the word as one of a unit's values; see systemd.syntax(7). is_command: variables would be put in as well."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("%", "%%")
    if is_command:
        escaped = escaped.replace("$", "$$")
    return f'"{escaped}"' if any(sign in escaped for sign in " \t'\"\\;") or not escaped else escaped


def _ctl(setup: Setup, *words: str) -> tuple[str, ...]:
    return ("systemctl", *(() if setup.is_root else ("--user",)), *words)
