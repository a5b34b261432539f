"""Part of run-job: what to do when the disk does not take a record: not to wait for it, and to have another place.

A full, read-only or hanging disk must cost neither the job nor its result.
"""

import posix
from _thread import allocate_lock, start_new_thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# In memory first: that cannot hang. The last one is for systems without such a place. %d: the user's number.
SHELTERS = ("/dev/shm", "/run/user/%d", "/var/tmp")


def attempt(act: "Callable[..., object]", *args: object) -> str:
    """Do it. Return what went wrong, in words, or nothing."""
    try:
        act(*args)
    except OSError as e:
        return e.strerror or str(e)
    return ""


def within(wait_s: float, act: "Callable[..., object]", *args: object) -> str:
    """As `attempt`, but do not wait longer than that: what hangs goes on in a thread of its own, without us."""
    told = ["it was broken off"]
    done = allocate_lock()
    done.acquire()

    def do_it() -> None:
        try:
            told[0] = attempt(act, *args)
        finally:
            done.release()

    try:
        start_new_thread(do_it, ())
    except RuntimeError:  # the user may have no more threads
        return attempt(act, *args)
    return told[0] if done.acquire(True, wait_s) else f"no answer within {wait_s:g} s"


def shelter_of(directory: str) -> str:
    """Return a folder for D's records outside D, made if it is missing. Raise OSError if there is none that can be trusted."""
    uid, about = posix.geteuid(), posix.stat(directory)
    why = OSError(2, "there is no other place")
    for pattern in SHELTERS:
        try:
            base = pattern % uid if "%" in pattern else pattern
            refuse_open(base, uid)
            make_ours(f"{base}/crontopus-{uid}", uid)
            folder = f"{base}/crontopus-{uid}/{about.st_dev}-{about.st_ino}"
            attempt(posix.mkdir, folder, 0o700)
            posix.stat(folder)
            return folder
        except OSError as e:
            why = e
    raise why


def refuse_open(base: str, uid: int) -> None:
    """Raise OSError if others could put something else in the place of what is ours in this folder."""
    about = posix.stat(base)
    is_open = about.st_mode & 0o022 and not about.st_mode & 0o1000
    if is_open or about.st_uid not in (0, uid):
        raise OSError(1, f"{base} cannot be trusted")


def make_ours(path: str, uid: int) -> None:
    """Make the folder. Raise OSError if it is a link, somebody else's, or open to others."""
    attempt(posix.mkdir, path, 0o700)
    about = posix.lstat(path)
    if about.st_mode & 0o170077 != 0o040000 or about.st_uid != uid:
        raise OSError(1, f"{path} is not ours alone")
