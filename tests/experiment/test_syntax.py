"""What source files say is kept between processes."""

import json

import pytest

from fwp.experiment import syntax
from fwp.utils import source


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A cache of the test's own."""
    monkeypatch.setenv("FWP_CACHE", str(tmp_path / "cache"))
    forget()
    yield tmp_path
    syntax._UNSAVED.clear()
    forget()


def forget():
    """Be a new process."""
    syntax._read.cache_clear()
    syntax._kept.cache_clear()
    source._parse.cache_clear()


def test_a_file_is_parsed_by_one_process_alone(folder, monkeypatch):
    file = folder / "mine.py"
    file.write_text("import a.b\nfrom . import c\nx = 1\n")
    first = syntax.read_syntax(file, "package.mine")
    assert first.imports == ["a.b", "package", "package.c"]
    syntax.save()
    forget()
    monkeypatch.setattr(syntax, "_parsed", None)  # a call would fail
    assert syntax.read_syntax(file, "package.mine") == first


def test_another_text_or_package_is_read_anew(folder):
    file = folder / "mine.py"
    file.write_text("from . import c\n")
    one = syntax.read_syntax(file, "package.mine")
    assert syntax.read_syntax(file, "other.mine").imports == ["other", "other.c"]
    syntax.save()
    forget()
    file.write_text("from . import d\n")
    other = syntax.read_syntax(file, "package.mine")
    assert other.imports == ["package", "package.d"] and other.hash != one.hash


def test_comments_are_no_syntax(folder):
    file, commented = folder / "one.py", folder / "two.py"
    file.write_text("x = 1\n")
    commented.write_text("x = 1  # why\n")
    assert syntax.read_syntax(file, "m") == syntax.read_syntax(commented, "m")


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"a": {"hash": 1}}', '{"a": 1}'])
def test_a_damaged_file_is_replaced(folder, damage):
    file = folder / "mine.py"
    file.write_text("x = 1\n")
    kept = folder / "cache" / "syntax.json"
    kept.parent.mkdir(mode=0o700)
    kept.write_text(damage)
    syntax.read_syntax(file, "mine")
    syntax.save()
    assert len(json.loads(kept.read_text())) == 1


def test_what_others_keep_meanwhile_stays_and_the_oldest_goes(folder, monkeypatch):
    monkeypatch.setattr(syntax, "KEPT", 2)
    for name in "abc":
        (folder / f"{name}.py").write_text(f"{name} = 1\n")
        syntax.read_syntax(folder / f"{name}.py", name)
        syntax.save()
        forget()
    hashes = {value["hash"] for value in syntax._kept().values()}
    assert hashes == {syntax.read_syntax(folder / f"{name}.py", name).hash for name in "bc"}


def test_a_folder_that_cannot_be_used_keeps_nothing(folder, monkeypatch):
    (folder / "file").write_text("")
    monkeypatch.setenv("FWP_CACHE", str(folder / "file" / "cache"))
    (folder / "mine.py").write_text("x = 1\n")
    assert syntax.read_syntax(folder / "mine.py", "mine").imports == []
    syntax.save()
