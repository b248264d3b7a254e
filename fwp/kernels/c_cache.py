"""Where compiled kernels are kept, and which of them are loaded.

To load a library is to run its code. So a library is loaded only from a folder and a file that
belong to the user (or to root) and that nobody else may write to. Its name ends in the hash of its
contents, so that a damaged one is noticed before it is loaded, and built again. Where the folder
cannot be used, a warning says why, and every process builds its kernels in a folder of its own.
"""

import contextlib
import ctypes
import functools
import glob
import grp
import hashlib
import os
import pwd
import stat
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

DIGITS = 32  # of the hash, in the name of a file


class Untrusted(Exception):  # noqa: N818 - a state of the machine, handled by falling back
    """A folder or file that somebody else may have written; the message says why."""


def cache_folder() -> Path:
    """Where compiled kernels are kept: $FWP_CACHE, else $XDG_CACHE_HOME/fwp, else ~/.cache/fwp."""
    if "FWP_CACHE" in os.environ:
        return Path(os.environ["FWP_CACHE"]).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path("~/.cache").expanduser()) / "fwp"


def load(name: str, build: Callable[[Path], None]) -> ctypes.CDLL:
    """The library `name`: that of the cache, or a new one, which is kept there.

    Args:
        name: says all that the library depends on.
        build: writes the library to a path.

    Raises:
        OSError: the library can be written or loaded nowhere.
    """
    try:
        folder = trusted(cache_folder())
        return _kept(folder, name) or _open(_keep(folder, name, build))
    except (Untrusted, OSError, RuntimeError) as error:  # RuntimeError: there is no home
        _warn_once(getattr(error, "strerror", None) or str(error))
    # A library that is loaded needs its file no more.
    with tempfile.TemporaryDirectory(prefix="fwp-kernel-") as private:
        path = Path(private, f"{name}.so")
        build(path)
        return _open(path)


def trusted(folder: Path) -> Path:
    """The folder without links in its path; it is made, for the user alone, if there is none.

    Raises:
        Untrusted: somebody else may write to it or exchange it.
        OSError: it cannot be made.
    """
    _make(folder)
    folder = folder.resolve()
    status = folder.stat()
    if flaw := _flaw(status):
        raise Untrusted(f"{folder} {flaw}")
    if status.st_uid == os.geteuid() and status.st_mode & 0o022:
        folder.chmod(0o700)
    # Whoever may write to a folder around it can put another in its place, unless the folder is
    # sticky, as /tmp is. Owners of folders around it are taken for administrators.
    for parent in folder.parents:
        status = parent.stat()
        if not status.st_mode & stat.S_ISVTX and _others_may_write(status):
            raise Untrusted(f"{folder} lies in {parent}, which others may write to")
    return folder


def _make(folder: Path) -> None:
    if not folder.exists():
        _make(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def _flaw(status: os.stat_result) -> str | None:
    if status.st_uid not in (0, os.geteuid()):
        return f"belongs to another user (number {status.st_uid})"
    return "may be written to by others" if _others_may_write(status) else None


def _others_may_write(status: os.stat_result) -> bool:
    """Whether the permissions let others than the owner and root write.

    A group of the user's own name, without members, is the user's alone: many systems make one for
    everybody, and let it write to all that its user makes.
    """
    if not status.st_mode & stat.S_IWGRP:
        return bool(status.st_mode & stat.S_IWOTH)
    try:
        group, user = grp.getgrgid(status.st_gid), pwd.getpwuid(os.geteuid())
    except KeyError:
        return True
    own = group.gr_name == user.pw_name and set(group.gr_mem) <= {user.pw_name}
    return not own or bool(status.st_mode & stat.S_IWOTH)


def _kept(folder: Path, name: str) -> ctypes.CDLL | None:
    """The library `name` of a trusted folder, if there is one that is whole and can be loaded."""
    for path in sorted(folder.glob(f"{glob.escape(name)}-*.so")):
        with contextlib.suppress(OSError):  # cannot be read, or is of a system that has changed
            status = path.lstat()
            if not stat.S_ISREG(status.st_mode):
                continue
            if flaw := _flaw(status):
                raise Untrusted(f"{path} {flaw}")
            if path.stem.endswith(f"-{_hash(path)}"):
                return _open(path)
    return None


def _keep(folder: Path, name: str, build: Callable[[Path], None]) -> Path:
    """Build to a temporary name, then rename: processes that start together do not disturb."""
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=f".{name}-", suffix=".so")
    os.close(handle)
    try:
        build(Path(temporary))
        Path(temporary).chmod(0o755)
        with Path(temporary).open("rb") as file:  # a crash must not leave half of it
            os.fsync(file.fileno())
        return Path(temporary).replace(folder / f"{name}-{_hash(Path(temporary))}.so")
    finally:
        Path(temporary).unlink(missing_ok=True)


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:DIGITS]


def _open(path: Path) -> ctypes.CDLL:
    return ctypes.CDLL(str(path))


@functools.cache
def _warn_once(reason: str) -> None:
    warnings.warn(
        f"the cache of compiled kernels is not used: {reason}; every process compiles its own, "
        "which takes seconds. Set FWP_CACHE to a folder of your own that nobody else may write to",
        RuntimeWarning,
        stacklevel=4,
    )
