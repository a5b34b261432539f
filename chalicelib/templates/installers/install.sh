#!/bin/sh
# Installs the Crontopus agent on @PLATFORM_WORDS@. Read it, then run it; --dry-run says what it would do and changes nothing.
# It holds no secret. The enrollment token comes from the environment, CRONTOPUS_ENROLL_TOKEN, or with --token-stdin.
set -eu
umask 022

API_URL=@API_URL@
RELEASE_URL=@RELEASE_URL@
SUMS_SHA256=@SUMS_SHA256@
RELEASE_KEYS=@RELEASE_KEYS@
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
usage: install-crontopus [--user] [--name NAME] [--token-stdin] [--native] [--dry-run] [--no-service]
       install-crontopus --uninstall [--user] [--dry-run]

  --user         for this user alone, below \$HOME; without root that is so anyway
  --name NAME    what to call this machine; its hostname by default
  --token-stdin  read the enrollment token from standard input; otherwise CRONTOPUS_ENROLL_TOKEN holds it
  --native       the build that brings its own Python, as where there is none
  --no-service   do not start the agent and do not have it started with the machine
  --uninstall    stop the agent, take our lines out of the crontab, remove the program
  --dry-run      say what would be done
  --version      say which version this installs
USAGE
}

read_options() {
    DRY_RUN=no; UNINSTALL=no; SERVICE=yes; NAME=; TOKEN_STDIN=no; NATIVE=no; FOR=system
    [ "$(id -u)" = 0 ] || FOR=user
    while [ $# -gt 0 ]; do
        case $1 in
            --dry-run) DRY_RUN=yes ;;
            --uninstall) UNINSTALL=yes ;;
            --user) FOR=user ;;
            --no-service) SERVICE=no ;;
            --native) NATIVE=yes ;;
            --version) say "${RELEASE_URL##*/}"; exit 0 ;;
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
    else
        PREFIX=$HOME/.local/share/crontopus; COMMAND=$HOME/.local/bin/crontopus-agent
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

# Sets PYTHON, to nothing where there is none that will do: then the build that brings its own is taken.
find_python() {
    PYTHON=
    [ "$NATIVE" = no ] || return 0
    for PYTHON in python3 python3.13 python3.12 python3.11; do
        PYTHON=$(command -v "$PYTHON") || continue
        if "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then return; fi
    done
    PYTHON=
}

# A second agent for the same user would fight the first one over its crontab.
refuse_second() {
    if [ "$(id -u)" = 0 ] && [ -e /usr/lib/crontopus/crontopus-agent.pyz ]; then
        fail "the agent was installed by this system's package manager, which updates and removes it too (apt)"
    fi
    if [ "$(id -u)" = 0 ] && [ "$FOR" = user ] && [ -x /opt/crontopus/bin/crontopus-agent ]; then
        fail "root has an agent already, in /opt/crontopus; leave out --user to renew that one, or --uninstall it first"
    fi
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
        # busybox's wget knows neither option, nor TLS below 1.2.
        if wget --help 2>&1 | grep -q -- --secure-protocol; then
            wget -q --secure-protocol=TLSv1_2 --max-redirect=5 -O "$2" "$1"
        else
            wget -q -O "$2" "$1"
        fi
    elif [ -n "$PYTHON" ]; then
        "$PYTHON" -I -c 'import sys, urllib.request; urllib.request.urlretrieve(sys.argv[1], sys.argv[2])' "$1" "$2"
    else
        fail "there is neither curl nor wget to download with"
    fi || fail "$1 could not be downloaded"
}

sha256_of() {
    if [ -n "$PYTHON" ]; then
        "$PYTHON" -I -c 'import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest())' "$1"
    elif command -v sha256sum >/dev/null; then
        sha256sum <"$1" | cut -d' ' -f1
    else
        shasum -a 256 <"$1" | cut -d' ' -f1
    fi
}

# Does one of the keys of this script sign the file $1, its signature being in $2?
is_signed() {
    # shellcheck disable=SC2086 # the keys are words
    if [ -n "$PYTHON" ]; then
        verifier | "$PYTHON" -I - "$1" "$2" $RELEASE_KEYS
    else
        is_signed_by_openssl
    fi
}

# 0: signed, 1: not, 2: this machine cannot tell.
is_signed_by_openssl() {
    command -v openssl >/dev/null || return 2
    case $(openssl version) in
        "OpenSSL "[3-9]*) ;;
        *) return 2 ;;
    esac
    openssl base64 -d -in "$SCRATCH/sums.sig" -out "$SCRATCH/sums.sig.bin" || return 1
    for KEY in $RELEASE_KEYS; do
        # In DER an ed25519 key is twelve bytes that are always the same, and itself.
        printf -- '-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA%s\n-----END PUBLIC KEY-----\n' "$KEY" >"$SCRATCH/key"
        if openssl pkeyutl -verify -pubin -inkey "$SCRATCH/key" -rawin -in "$SCRATCH/sums" \
            -sigfile "$SCRATCH/sums.sig.bin" >/dev/null 2>&1; then return 0; fi
    done
    return 1
}

# Gets the release's list of files, and believes it only with the checksum that this script was made with and a signature.
get_sums() {
    download "$RELEASE_URL/SHA256SUMS" "$SCRATCH/sums"
    FOUND=$(sha256_of "$SCRATCH/sums")
    [ "$FOUND" = "$SUMS_SHA256" ] ||
        fail "the release is not the one this installer was made for: SHA-256 is $FOUND, expected $SUMS_SHA256. Nothing was installed"
    download "$RELEASE_URL/SHA256SUMS.sig" "$SCRATCH/sums.sig"
    SIGNED=0
    is_signed "$SCRATCH/sums" "$SCRATCH/sums.sig" || SIGNED=$?
    case $SIGNED in
        0) say "the release is signed by a key of this installer" ;;
        2) say "the signature cannot be checked without Python or OpenSSL 3; the checksum came with this script" ;;
        *) fail "none of this installer's keys has signed the release. Nothing was installed" ;;
    esac
}

# Sets FILE and FILE_SHA256 to the artefact for this machine.
choose_file() {
    if [ -n "$PYTHON" ]; then
        ENDING=.pyz
    else
        ENDING=-$PLATFORM-$(uname -m).tar.gz
    fi
    LINE=$(grep "^[0-9a-f]\{64\}  crontopus-agent-[0-9a-z.+]*$ENDING\$" "$SCRATCH/sums" | head -n 1)
    [ -n "$LINE" ] ||
        fail "no Python 3.11 or newer found, and the release has no build for $PLATFORM on $(uname -m) that brings its own: install Python (Debian: apt install python3), then run this again"
    FILE_SHA256=${LINE%% *}; FILE=${LINE##* }
}

# Every version lies in a folder of its own, named by its checksum; `current` is moved to it once it has shown that it runs.
install_program() {
    say "download $RELEASE_URL/SHA256SUMS"
    say "  check that its SHA-256 is $SUMS_SHA256 and that it is signed"
    say "  then download the agent, check its SHA-256 and put it into $PREFIX/versions"
    say "  and write $PREFIX/bin/crontopus-agent, which starts what $PREFIX/current points to"
    [ "$DRY_RUN" = no ] || return 0
    mkdir -p "$PREFIX/bin" "$PREFIX/versions" "$(dirname "$COMMAND")"
    SCRATCH=$(mktemp -d "$PREFIX/versions/.new.XXXXXX")
    trap 'rm -rf "$SCRATCH"' EXIT
    trap 'exit 1' HUP INT TERM
    get_sums
    choose_file
    VERSION=$PREFIX/versions/$FILE_SHA256
    if [ -d "$VERSION" ]; then
        say "the program is there already: $VERSION"
    else
        unpack
    fi
    write_launcher
    make_current
    run ln -sf "$PREFIX/bin/crontopus-agent" "$COMMAND"
    rm -rf "$SCRATCH"
}

unpack() {
    say "download $RELEASE_URL/$FILE"
    download "$RELEASE_URL/$FILE" "$SCRATCH/$FILE"
    FOUND=$(sha256_of "$SCRATCH/$FILE")
    [ "$FOUND" = "$FILE_SHA256" ] || fail "the download is damaged: SHA-256 is $FOUND, expected $FILE_SHA256. Nothing was installed"
    mkdir "$SCRATCH/version"
    case $FILE in
        *.pyz) mv "$SCRATCH/$FILE" "$SCRATCH/version/crontopus-agent.pyz" ;;
        *) gzip -dc <"$SCRATCH/$FILE" | tar -xf - -C "$SCRATCH/version" || fail "the download cannot be unpacked" ;;
    esac
    "$(python_of "$SCRATCH/version")" -I "$SCRATCH/version/crontopus-agent.pyz" version >/dev/null ||
        fail "the agent does not run on this machine; nothing was installed"
    chmod 755 "$SCRATCH/version"
    mv "$SCRATCH/version" "$VERSION"
}

# The Python that runs the version in folder $1: its own where it brings one.
python_of() {
    if [ -x "$1/python/bin/python3" ]; then say "$1/python/bin/python3"; else say "$PYTHON"; fi
}

# A link is replaced at once or not at all; ln alone removes it first.
make_current() {
    say "  + make $VERSION the current version"
    rm -f "$PREFIX/trial" "$PREFIX/trial.starts"
    "$(python_of "$VERSION")" -I -c 'import os, sys
try:
    os.unlink(sys.argv[2])
except FileNotFoundError:
    pass
os.symlink(sys.argv[1], sys.argv[2])
os.replace(sys.argv[2], sys.argv[3])' "versions/$FILE_SHA256" "$PREFIX/.current.new" "$PREFIX/current"
}

# What starts the agent. A version that an update brought is on trial until it has shown that it works: the file `trial` names the
# one before. Each start of `run` is counted here, outside of what is on trial; the fourth goes to the one before, which puts itself back.
write_launcher() {
    cat >"$PREFIX/bin/.crontopus-agent.new" <<LAUNCHER
#!/bin/sh
PREFIX='$(quoted "$PREFIX")'
PYTHON='$(quoted "$PYTHON")'
LAUNCHER
    cat >>"$PREFIX/bin/.crontopus-agent.new" <<'LAUNCHER'
VERSION=$(cd -P "$PREFIX/current" && pwd) || exit 1
if [ "${1:-}" = run ] && [ -f "$PREFIX/trial" ] && IFS= read -r FORMER <"$PREFIX/trial" &&
    [ -d "$PREFIX/versions/$FORMER" ]; then
    if ! printf . >>"$PREFIX/trial.starts" || [ "$(wc -c <"$PREFIX/trial.starts")" -gt 3 ]; then
        VERSION=$PREFIX/versions/$FORMER
    fi
fi
[ ! -x "$VERSION/python/bin/python3" ] || PYTHON=$VERSION/python/bin/python3
exec "$PYTHON" -I "$VERSION/crontopus-agent.pyz" "$@"
LAUNCHER
    chmod 755 "$PREFIX/bin/.crontopus-agent.new"
    mv "$PREFIX/bin/.crontopus-agent.new" "$PREFIX/bin/crontopus-agent"
}

verifier() {
    cat <<'PYTHON'
@VERIFIER@


if __name__ == "__main__":
    import base64
    import pathlib
    import sys

    content, signature = (pathlib.Path(name).read_bytes() for name in sys.argv[1:3])
    made = base64.b64decode(signature)
    sys.exit(not any(is_valid(base64.b64decode(key), content, made) for key in sys.argv[3:]))
PYTHON
}

# Earlier agents took a ~ for a folder's name and kept a token there, which a machine that is enrolled anew must not find again.
clean_old_paths() {
    OLD=${CONFIG%/config.yaml}/~
    if [ -d "$OLD/.crontopus" ]; then run rm -rf "$OLD"; fi
}

# What stands between two single quotes: those in it are closed, written and opened again.
quoted() { printf '%s' "$1" | sed "s/'/'\\\\''/g"; }

enroll() {
    ENROLLED=no
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
    ENROLLED=yes
}

start_service() {
    if [ "$SERVICE" = no ]; then
        say "start the agent yourself: $COMMAND run"
    elif [ "$PLATFORM" = linux ] && ! { [ -d /run/systemd/system ] && command -v systemctl >/dev/null; }; then
        say "there is no systemd here: have \`$COMMAND run\` started by whatever starts services on this machine"
    else
        run "$PREFIX/bin/crontopus-agent" install
        # One that runs already has the credentials of before.
        [ "$ENROLLED" = no ] || run "$PREFIX/bin/crontopus-agent" restart
    fi
}

# Takes the agent's service, its block in the crontab and the program away. The agent looks for its block even if its folder is gone.
uninstall() {
    if [ -x "$PREFIX/bin/crontopus-agent" ]; then
        if [ -f "$CONFIG" ]; then
            run "$PREFIX/bin/crontopus-agent" uninstall ||
                fail "our lines are still in the crontab, so the program stays; see above for what to do first"
        elif crontab -l 2>/dev/null | grep -qF "${CONFIG%/config.yaml}/bin/run-job "; then
            say "its folder ${CONFIG%/config.yaml} is gone, its lines in the crontab are not"
            run "$PREFIX/bin/crontopus-agent" uninstall || fail "our lines are still in the crontab, so the program stays; take them out by hand"
        fi
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
    refuse_second
    find_python
    read_token
    say "install the Crontopus agent ${RELEASE_URL##*/} for ${FOR}, with ${PYTHON:-its own Python}"
    install_program
    clean_old_paths
    enroll
    start_service
    say "done; \`$COMMAND status\` says how it is"
}

# The last line: of a download that broke off nothing runs.
main "$@"
