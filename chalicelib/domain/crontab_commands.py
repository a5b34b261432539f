"""What a crontab's command is outside of a crontab: its input made explicit, and a name that a person would give it."""

import re
from posixpath import basename, splitext

# A shell that understands `exec <<'WORD'`.
POSIX_SHELLS = frozenset({"sh", "ash", "dash", "bash", "ksh", "mksh", "zsh"})
_WORD = "CRONTOPUS_INPUT"
# What only starts a shell, or only waits or limits, says nothing about what a job is.
_PLAIN = re.compile(r"(?:/\S*/)?(?:cd|test|nice|ionice|timeout|sudo|env|flock|chronic|bash|sh|python3?|perl|php|\[)")
# Calls that name the job they report for: our old helper, cronitor, runitor, sentry, and ping URLs by slug.
_CHECK_INS = (
    re.compile(r"/bin/checkin\s+(?P<q>[\"']?)(?P<name>[^\"'\s]+|(?<=[\"'])[^\"']+)(?P=q)"),
    re.compile(r"\bcronitor\s+(?:-\S+\s+)*(?:exec|ping)\s+(?:-\S+\s+)*(?P<name>[A-Za-z0-9][\w.-]*)"),
    re.compile(r"https?://(?:cronitor\.link|cronitor\.io)/p/[0-9a-f]+/(?P<name>[\w.-]+)"),
    re.compile(r"\bsentry-cli\s+monitors\s+run\s+(?:-\S+\s+)*(?P<name>[\w.-]+)"),
    re.compile(r"\brunitor\b.*?\s--?slug[ =](?P<name>[\w.-]+)"),
    re.compile(r"https?://(?:hc-ping\.com|[^\s/\"']+/ping)/(?![0-9a-f-]{36}\b)[\w-]{20,}/(?P<name>[\w.-]+)"),
)
_SCHEDULE = re.compile(r"[#\s]*(?:@[a-z]+|(?:[-\d*/,]+\s+){4}[-\w*/,]+)\s+\S")


def split_input(command: str, flavour: str | None = None) -> tuple[str, str | None]:
    """Return what cron gives the shell, and what it writes to the command's standard input; None without a bare `%`.

    flavour: whose cron, see agents' facts. Debian's makes one backslash of two, but not in the input; busybox' knows no `%`.
    Source: crontab(5); tried with cron 3.0pl1-162 of Debian.
    """
    if flavour == "busybox":
        return command, None
    alone, at = _before_input(command, is_folding=flavour == "debian")
    if at is None:
        return alone, None
    given = re.sub(r"\\%|%", lambda found: "%" if len(found[0]) == 2 else "\n", command[at:])
    return alone, given + "\n" if given and not given.endswith("\n") else given


def _before_input(command: str, *, is_folding: bool) -> tuple[str, int | None]:
    """Return the command proper, and where its input begins."""
    word, position = "", 0
    while position < len(command):
        pair = command[position : position + 2]
        if pair[0] == "%":
            return word, position + 1
        if pair[0] == "\\" and len(pair) == 2:
            word += pair[1] if pair == "\\%" or (is_folding and pair == "\\\\") else pair
            position += 2
        else:
            word += pair[0]
            position += 1
    return word, None


def for_manifest(command: str, shell: str, flavour: str | None = None) -> str | None:
    """Return the command that does in `shell -c` what this one does in a crontab, None where that shell cannot say it."""
    alone, given = split_input(command, flavour)
    if given is None:
        return alone
    if basename(shell) not in POSIX_SHELLS:
        return None
    word = _WORD
    while word in given.split("\n"):
        word += "_"
    return f"exec <<'{word}'\n{given}{word}\n{alone}"


def name_of(command: str, above: str = "") -> str:
    """Return what a person would call the job: as its check-in calls it, as the comment above does, or by its program."""
    return check_in_name(command) or _title(above) or program_of(command)


def check_in_name(command: str) -> str | None:
    """Return the name that the command itself reports under, None if it reports nothing."""
    found = (pattern.search(command) for pattern in _CHECK_INS)
    return next((match["name"] for match in found if match), None)


def _title(above: str) -> str:
    """Return what a comment calls the job, nothing if it is a line out of service or a heading of columns."""
    text = above.strip().lstrip("#").strip(" \t-=*")
    is_name = re.search("[a-z]", text, re.IGNORECASE) and len(text) <= 80 and "dow" not in text.split()
    return text if is_name and not _SCHEDULE.match(above) else ""


def program_of(command: str) -> str:
    """Return the first program or file of a command that says something."""
    for word in re.split(r"[\s;&|()]+", command):
        stem = splitext(basename(word.strip("\"'")))[0]
        if stem and not _PLAIN.fullmatch(word) and not word.startswith(("-", "$", ">", "<")) and "=" not in word:
            if word.endswith("/") or (word.startswith("/") and command.startswith("cd") and word in command.split()[1:2]):
                continue
            if re.search("[a-z]", stem, re.IGNORECASE):
                return stem
    return "job"
