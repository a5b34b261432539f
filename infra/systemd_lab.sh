#!/bin/sh
# A Debian with a systemd of its own, to try the agent's units in; nothing of this machine's own is touched. Needs root,
# debootstrap, systemd-nspawn and make's environments. FOLDER takes 300 MB and is kept; remove it when done.
#
#   infra/systemd_lab.sh start FOLDER            build it if it is not there, put this checkout's agent into it, boot it
#   infra/systemd_lab.sh run FOLDER COMMAND...   run something inside, as root
#   infra/systemd_lab.sh stop FOLDER
#
# It shares this machine's network: an agent inside enrolls at the control plane of `make up` like one outside.
set -eu
VERB=${1:?start, run or stop}
FOLDER=${2:?a folder}
shift 2
CHECKOUT=$(cd "$(dirname "$0")/.." && pwd)
INCLUDE=systemd,systemd-sysv,dbus,libpam-systemd,cron,python3,ca-certificates,procps

inside() {
    nsenter -t "$(cat "$FOLDER/leader.pid")" -m -u -i -p -C -r -w -- \
        env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin "$@"
}

build() {
    # Where MIRROR names none, debootstrap knows Debian's.
    [ -d "$FOLDER/root/etc" ] || debootstrap --variant=minbase --include="$INCLUDE" bookworm "$FOLDER/root" ${MIRROR:+"$MIRROR"}
    (cd "$CHECKOUT" && .venv/bin/python - "$FOLDER/root/usr/local/bin/crontopus-agent" <<'PYTHON')
import sys
from pathlib import Path

from agent.build import Build
from infra.release import archive

path = Path(sys.argv[1])
path.write_bytes(archive.build(Build()))
path.chmod(0o755)
PYTHON
}

start() {
    mkdir -p "$FOLDER"
    build
    setsid systemd-nspawn -D "$FOLDER/root" --boot --register=no --keep-unit --machine=crontopus-lab \
        >"$FOLDER/boot.log" 2>&1 </dev/null &
    LEADER=
    until LEADER=$(pgrep -P $! systemd); do sleep 1; done
    echo "$LEADER" >"$FOLDER/leader.pid"
    until inside systemctl is-system-running --wait 2>/dev/null; do sleep 1; done
}

case $VERB in
    start) start ;;
    run) inside "$@" ;;
    # SIGRTMIN+4: systemd powers off.
    stop) kill -s RTMIN+4 "$(cat "$FOLDER/leader.pid")" ;;
    *) echo "unknown: $VERB" >&2; exit 2 ;;
esac
