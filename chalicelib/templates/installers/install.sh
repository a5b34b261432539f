#!/bin/sh
# Installs the Crontopus agent on @PLATFORM_WORDS@. Read it, then run it; --dry-run says what it would do and changes nothing.
# It holds no secret. The enrollment token comes from the environment, CRONTOPUS_ENROLL_TOKEN, or with --token-stdin.
set -eu
umask 022

API_URL=@API_URL@
PACKAGE_URL=@PACKAGE_URL@
PACKAGE_SHA256=@PACKAGE_SHA256@
PLATFORM=@PLATFORM@

say() { printf '%s\n' "$*"; }
fail() { printf 'error: %s\n' "$*" >&2; exit 1; }

# Says what is done and does it, unless this is a dry run.
run() {
    say "  + $*"
    [ "$DRY_RUN" = yes ] || "$@"
}

usage() {
    cat <<USAGE
usage: install-crontopus [--user] [--name NAME] [--token-stdin] [--dry-run] [--no-service]
       install-crontopus --uninstall [--user] [--dry-run]

  --user         for this user alone, below \$HOME; without root that is so anyway
  --name NAME    what to call this machine; its hostname by default
  --token-stdin  read the enrollment token from standard input; otherwise CRONTOPUS_ENROLL_TOKEN holds it
  --no-service   do not start the agent and do not have it started with the machine
  --uninstall    stop the agent, take our lines out of the crontab, remove the program
  --dry-run      say what would be done
USAGE
}

read_options() {
    DRY_RUN=no; UNINSTALL=no; SERVICE=yes; NAME=; TOKEN_STDIN=no; FOR=system
    [ "$(id -u)" = 0 ] || FOR=user
    while [ $# -gt 0 ]; do
        case $1 in
            --dry-run) DRY_RUN=yes ;;
            --uninstall) UNINSTALL=yes ;;
            --user) FOR=user ;;
            --no-service) SERVICE=no ;;
            --token-stdin) TOKEN_STDIN=yes ;;
            --name) [ $# -gt 1 ] || fail "--name wants a name"; NAME=$2; shift ;;
            --name=*) NAME=${1#--name=} ;;
            -h | --help) usage; exit 0 ;;
            *) usage >&2; fail "unknown option $1" ;;
        esac
        shift
    done
}

find_places() {
    case ${HOME:-} in
        /*) ;;
        *) fail "HOME is not an absolute path; set it to your home folder" ;;
    esac
    if [ "$FOR" = system ]; then
        PREFIX=/opt/crontopus; COMMAND=/usr/local/bin/crontopus-agent
        UNIT=/etc/systemd/system/crontopus-agent.service
        PLIST=/Library/LaunchDaemons/com.crontopus.agent.plist; DOMAIN=system
    else
        PREFIX=$HOME/.local/share/crontopus; COMMAND=$HOME/.local/bin/crontopus-agent
        UNIT=$HOME/.config/systemd/user/crontopus-agent.service
        PLIST=$HOME/Library/LaunchAgents/com.crontopus.agent.plist; DOMAIN=gui/$(id -u)
    fi
    CONFIG=${CRONTOPUS_HOME:-$HOME}/.crontopus/config.yaml
}

check_platform() {
    case $(uname -s) in
        Linux) HERE=linux ;;
        Darwin) HERE=macos ;;
        *) fail "this is $(uname -s); the installer is for @PLATFORM_WORDS@" ;;
    esac
    [ "$HERE" = "$PLATFORM" ] || fail "this is $HERE; the installer is for @PLATFORM_WORDS@. Download the one for $HERE"
}

find_python() {
    for PYTHON in python3 python3.13 python3.12 python3.11; do
        PYTHON=$(command -v "$PYTHON") || continue
        if "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then return; fi
    done
    fail "no Python 3.11 or newer found; install it (Debian: apt install python3), then run this again"
}

read_token() {
    TOKEN=${CRONTOPUS_ENROLL_TOKEN:-}
    unset CRONTOPUS_ENROLL_TOKEN
    if [ "$TOKEN_STDIN" = yes ]; then
        IFS= read -r TOKEN || [ -n "$TOKEN" ] ||
            fail "no token on standard input; \`curl ... | sh\` uses it up, so download the installer first"
    fi
    if [ -z "$TOKEN" ] && [ ! -f "$CONFIG" ] && [ "$DRY_RUN" = no ]; then
        fail "no enrollment token: set CRONTOPUS_ENROLL_TOKEN, or pipe one in with --token-stdin"
    fi
}

# Puts what lies at an address into a file. Nothing but TLS 1.2 or newer, except from this very machine.
download() {
    if command -v curl >/dev/null; then
        case $1 in
            http://127.0.0.1[:/]* | http://localhost[:/]*) curl -fsSL --retry 3 -o "$2" "$1" ;;
            *) curl -fsSL --proto '=https' --tlsv1.2 --retry 3 -o "$2" "$1" ;;
        esac
    elif command -v wget >/dev/null; then
        wget -q -O "$2" "$1"
    else
        "$PYTHON" -c 'import sys, urllib.request; urllib.request.urlretrieve(sys.argv[1], sys.argv[2])' "$1" "$2"
    fi
}

sha256_of() {
    "$PYTHON" -c 'import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest())' "$1"
}

# Every version lies in a folder of its own, named by its checksum; `current` is moved to it once it has shown that it runs.
install_program() {
    VERSION=$PREFIX/versions/$PACKAGE_SHA256
    if [ -d "$VERSION" ]; then
        say "the program is there already: $VERSION"
    else
        say "download $PACKAGE_URL"
        say "  and check that its SHA-256 is $PACKAGE_SHA256"
        say "  then unpack it to $VERSION"
        [ "$DRY_RUN" = yes ] || unpack
    fi
    run mkdir -p "$PREFIX/bin" "$(dirname "$COMMAND")"
    say "write $PREFIX/bin/crontopus-agent"
    [ "$DRY_RUN" = yes ] || write_launcher
    run ln -sfn "$VERSION" "$PREFIX/current"
    run ln -sf "$PREFIX/bin/crontopus-agent" "$COMMAND"
}

unpack() {
    mkdir -p "$PREFIX/versions"
    SCRATCH=$(mktemp -d "$PREFIX/versions/.new.XXXXXX")
    trap 'rm -rf "$SCRATCH"' EXIT
    trap 'exit 1' HUP INT TERM
    download "$PACKAGE_URL" "$SCRATCH/package" || fail "the package could not be downloaded from $PACKAGE_URL"
    FOUND=$(sha256_of "$SCRATCH/package")
    [ "$FOUND" = "$PACKAGE_SHA256" ] ||
        fail "the package is not the one this installer was made for: SHA-256 is $FOUND, expected $PACKAGE_SHA256. Nothing was installed"
    mkdir "$SCRATCH/version"
    tar -xzf "$SCRATCH/package" -C "$SCRATCH/version" || fail "the package cannot be unpacked"
    "$PYTHON" -I "$SCRATCH/version/crontopus-agent.py" version >/dev/null ||
        fail "the agent does not run on this machine; nothing was installed"
    chmod 755 "$SCRATCH/version"
    mv "$SCRATCH/version" "$VERSION"
    rm -rf "$SCRATCH"
}

write_launcher() {
    cat >"$PREFIX/bin/.crontopus-agent.new" <<LAUNCHER
#!/bin/sh
exec '$(quoted "$PYTHON")' -I '$(quoted "$PREFIX")/current/crontopus-agent.py' "\$@"
LAUNCHER
    chmod 755 "$PREFIX/bin/.crontopus-agent.new"
    mv "$PREFIX/bin/.crontopus-agent.new" "$PREFIX/bin/crontopus-agent"
}

# What stands between two single quotes: those in it are closed, written and opened again.
quoted() { printf '%s' "$1" | sed "s/'/'\\\\''/g"; }

enroll() {
    if [ -z "$TOKEN" ] && [ -f "$CONFIG" ]; then
        say "this machine is enrolled already: $CONFIG"
        return
    fi
    say "enroll this machine at $API_URL"
    [ "$DRY_RUN" = no ] || return 0
    set -- --api-url "$API_URL" --token-stdin
    [ -z "$NAME" ] || set -- "$@" --name "$NAME"
    # The token goes by a pipe: neither arguments nor environment of a process show it.
    printf '%s\n' "$TOKEN" | "$PREFIX/bin/crontopus-agent" enroll "$@"
}

has_systemd() { [ -d /run/systemd/system ] && command -v systemctl >/dev/null; }

systemd() {
    if [ "$FOR" = system ]; then systemctl "$@"; else systemctl --user "$@"; fi
}

start_service() {
    if [ "$SERVICE" = no ]; then
        say "start the agent yourself: $COMMAND run"
    elif [ "$PLATFORM" = macos ]; then
        start_launchd
    elif has_systemd; then
        start_systemd
    else
        say "there is no systemd here: have \`$COMMAND run\` started by whatever starts services on this machine"
    fi
}

start_systemd() {
    say "write $UNIT and start it"
    [ "$DRY_RUN" = no ] || return 0
    mkdir -p "$(dirname "$UNIT")"
    [ "$FOR" = system ] && WANTED=multi-user.target || WANTED=default.target
    # No NoNewPrivileges, nor what implies it: crontab(1) is setgid.
    cat >"$UNIT" <<UNIT
[Unit]
Description=Crontopus agent
After=network-online.target
Wants=network-online.target

[Service]
ExecStart="$PREFIX/bin/crontopus-agent" run
Restart=always
RestartSec=5
UMask=0077

[Install]
WantedBy=$WANTED
UNIT
    systemd daemon-reload
    systemd enable crontopus-agent.service
    systemd restart crontopus-agent.service
    [ "$FOR" = system ] || say "so that it runs while you are logged out: loginctl enable-linger"
}

start_launchd() {
    say "write $PLIST and start it"
    [ "$DRY_RUN" = no ] || return 0
    mkdir -p "$(dirname "$PLIST")"
    cat >"$PLIST" <<PLIST
<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0"><dict>
  <key>Label</key><string>com.crontopus.agent</string>
  <key>ProgramArguments</key><array><string>$PREFIX/bin/crontopus-agent</string><string>run</string></array>
  <key>RunAtLoad</key><true/>
  <key>KeepAlive</key><true/>
  <key>ThrottleInterval</key><integer>10</integer>
</dict></plist>
PLIST
    launchctl bootout "$DOMAIN/com.crontopus.agent" 2>/dev/null || true
    launchctl bootstrap "$DOMAIN" "$PLIST"
}

stop_service() {
    if [ "$PLATFORM" = macos ]; then
        [ ! -f "$PLIST" ] || run launchctl bootout "$DOMAIN/com.crontopus.agent" || true
        run rm -f "$PLIST"
    elif [ -f "$UNIT" ]; then
        if has_systemd; then run systemd disable --now crontopus-agent.service || true; fi
        run rm -f "$UNIT"
        if has_systemd; then run systemd daemon-reload || true; fi
    fi
}

uninstall() {
    stop_service
    if [ -x "$PREFIX/bin/crontopus-agent" ] && [ -f "$CONFIG" ]; then
        run "$PREFIX/bin/crontopus-agent" uninstall ||
            fail "our lines are still in the crontab, so the program stays; see above for what to do first"
    fi
    run rm -f "$COMMAND"
    run rm -rf "$PREFIX"
    say "done; what the agent knew is still in ${CONFIG%/config.yaml}"
}

main() {
    read_options "$@"
    find_places
    check_platform
    if [ "$UNINSTALL" = yes ]; then
        uninstall
        return
    fi
    find_python
    read_token
    say "install the Crontopus agent for ${FOR}, with $PYTHON"
    install_program
    enroll
    start_service
    say "done; \`$COMMAND status\` says how it is"
}

# The last line: of a download that broke off nothing runs.
main "$@"
