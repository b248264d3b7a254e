"""Compiled kernels: kept, built anew if damaged, not loaded if others may have written them."""

import ctypes
import hashlib
import os
import pwd
import random
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from fwp.kernels import c_cache, c_compiler

NAME = "twice-float32-8"
SOURCE = "#include <stdlib.h>\nint twice(int x) { return x + x; }\n"
# What runs as soon as the library is loaded.
FOREIGN = """\
#include <stdlib.h>
__attribute__((constructor)) void run(void) { setenv("FWP_FOREIGN_CODE", "1", 1); }
"""


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """A function that compiles C to the bytes of a library."""
    folder = tmp_path_factory.mktemp("compiled")
    try:
        compiler, _ = c_compiler.find_compiler()
    except c_compiler.Unavailable as reason:
        pytest.skip(str(reason))

    def compile_(text: str) -> bytes:
        source, library = folder / "source.c", folder / "library.so"
        source.write_text(text)
        subprocess.run([*compiler, "-shared", "-fPIC", source, "-o", library], check=True)
        return library.read_bytes()

    return compile_


@pytest.fixture(scope="module")
def good(compiled) -> bytes:
    return compiled(SOURCE)


class Builder:
    """Writes a library; counts how often."""

    def __init__(self, contents: bytes):
        self.contents, self.builds = contents, 0

    def __call__(self, path: Path):
        self.builds += 1
        path.write_bytes(self.contents)


@pytest.fixture
def build(good) -> Builder:
    return Builder(good)


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """The cache, which is not there yet."""
    folder = tmp_path / "around" / "cache"
    monkeypatch.setenv("FWP_CACHE", str(folder))
    monkeypatch.delenv("FWP_FOREIGN_CODE", raising=False)
    return folder


def keep(folder: Path, contents: bytes) -> Path:
    """Put a library into the cache, under the name that it has there."""
    folder.mkdir(parents=True, mode=0o700)
    path = folder / f"{NAME}-{hashlib.sha256(contents).hexdigest()[:32]}.so"
    path.write_bytes(contents)
    path.chmod(0o755)
    return path


def test_a_library_is_built_once_and_kept_in_a_private_folder(folder, build, good):
    assert c_cache.load(NAME, build).twice(21) == 42
    (path,) = folder.iterdir()
    assert path.read_bytes() == good
    assert folder.stat().st_mode & 0o777 == folder.parent.stat().st_mode & 0o777 == 0o700
    assert c_cache.load(NAME, build).twice(21) == 42
    assert build.builds == 1


def test_a_library_of_another_process_is_used(folder, build, good):
    keep(folder, good)
    assert c_cache.load(NAME, build).twice(21) == 42
    assert build.builds == 0


def test_the_cache_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("FWP_CACHE", raising=False)
    assert c_cache.cache_folder() == tmp_path / "fwp"
    monkeypatch.setenv("FWP_CACHE", "~/kernels")
    assert c_cache.cache_folder() == Path("~/kernels").expanduser()
    monkeypatch.delenv("FWP_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert c_cache.cache_folder() == Path("~/.cache/fwp").expanduser()


# Damage -------------------------------------------------------------------------------------------


def dangling(path: Path, data: bytes) -> None:
    path.unlink()
    path.symlink_to("nowhere")


def link_elsewhere(path: Path, data: bytes) -> None:
    path.rename(path.parent / "elsewhere")
    path.symlink_to("elsewhere")


def flipped(seed: int):
    def damage(path: Path, data: bytes) -> None:
        rng = random.Random(seed)
        position = rng.randrange(len(data))
        changed = data[position] ^ (1 << rng.randrange(8))
        path.write_bytes(data[:position] + bytes([changed]) + data[position + 1 :])

    return damage


DAMAGE = {
    "empty": lambda path, data: path.write_bytes(b""),
    "garbage": lambda path, data: path.write_bytes(b"half a kernel"),
    "truncated": lambda path, data: path.write_bytes(data[: len(data) // 2]),
    "half zeroed": lambda path, data: path.write_bytes(
        data[: len(data) // 2] + bytes(len(data) - len(data) // 2)
    ),
    "dangling link": dangling,
    "link": link_elsewhere,
    **{f"flipped bit {seed}": flipped(seed) for seed in range(12)},
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_library_is_not_loaded_but_built_anew(folder, build, good, kind):
    path = keep(folder, good)
    DAMAGE[kind](path, good)
    assert c_cache.load(NAME, build).twice(21) == 42
    assert build.builds == 1
    assert not path.is_symlink() and path.read_bytes() == good


def test_a_folder_in_the_place_of_a_library_is_told(folder, build, good):
    path = keep(folder, good)
    path.unlink()
    path.mkdir()
    with pytest.warns(RuntimeWarning, match="cache of compiled kernels is not used"):
        assert c_cache.load(NAME, build).twice(21) == 42


# Libraries that others may have written -----------------------------------------------------------


def give_away(path: Path, monkeypatch) -> None:
    """Let a path belong to another user."""
    if os.geteuid() == 0:
        os.chown(path, 12345, 12345)
    else:
        me = os.geteuid()
        monkeypatch.setattr("os.geteuid", lambda: me + 1)


def open_to_group(path: Path, monkeypatch) -> None:
    group = SimpleNamespace(gr_name="lab", gr_mem=["ann", "bob"])
    monkeypatch.setattr("grp.getgrgid", lambda number: group)
    path.chmod(0o770)


def open_to_all(path: Path, monkeypatch) -> None:
    path.chmod(0o777)


@pytest.mark.parametrize("depth", [0, 1, 2], ids=["file", "folder", "folder around"])
@pytest.mark.parametrize(
    ("expose", "reason"),
    [
        (give_away, "belongs to another user"),
        (open_to_group, "written? to by others|others may write to"),
        (open_to_all, "written? to by others|others may write to"),
    ],
)
def test_what_others_may_have_written_is_not_loaded(
    folder, build, compiled, monkeypatch, expose, reason, depth
):
    path = keep(folder, compiled(FOREIGN + SOURCE))
    place = [path, folder, folder.parent][depth]
    if expose is give_away and place == folder.parent:
        pytest.skip("owners of folders around the cache are trusted")
    expose(place, monkeypatch)
    with pytest.warns(RuntimeWarning, match=reason) as caught:
        assert c_cache.load(NAME, build).twice(21) == 42
    assert build.builds == 1
    assert not loaded_foreign_code()
    (warning,) = caught
    assert str(folder) in str(warning.message)
    assert "Set FWP_CACHE to a folder of your own" in str(warning.message)
    # Nothing is left, and what is there is left alone.
    assert list(folder.iterdir()) == [path]


def loaded_foreign_code() -> bool:
    """Whether the constructor of `FOREIGN` has run; `os.environ` does not see what C sets."""
    printed = subprocess.run(["env"], env=None, capture_output=True, text=True, check=True).stdout
    return "FWP_FOREIGN_CODE" in printed


def test_the_attack_would_work_on_a_trusted_folder(folder, build, compiled):
    """So that the tests above can tell."""
    keep(folder, compiled(FOREIGN + SOURCE))
    c_cache.load(NAME, build)
    try:
        assert build.builds == 0 and loaded_foreign_code()
    finally:
        ctypes.CDLL(None).unsetenv(b"FWP_FOREIGN_CODE")


def test_a_sticky_folder_around_the_cache_is_fine(folder, build):
    folder.parent.mkdir()
    folder.parent.chmod(0o1777)
    for _ in range(2):
        assert c_cache.load(NAME, build).twice(21) == 42
    assert build.builds == 1


def test_a_folder_that_only_the_users_own_group_may_write_to_is_closed(
    folder, build, good, monkeypatch
):
    user = pwd.getpwuid(os.geteuid()).pw_name
    own = SimpleNamespace(gr_name=user, gr_mem=[])
    monkeypatch.setattr("grp.getgrgid", lambda number: own)
    keep(folder, good)
    folder.chmod(0o775)
    assert c_cache.load(NAME, build).twice(21) == 42
    assert build.builds == 0 and folder.stat().st_mode & 0o777 == 0o700


def test_a_cache_that_cannot_be_made_is_told(folder, build):
    folder.parent.write_text("a file")
    with pytest.warns(RuntimeWarning, match="Not a directory|File exists"):
        assert c_cache.load(NAME, build).twice(21) == 42
