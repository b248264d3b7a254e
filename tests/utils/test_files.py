import errno
import json
import os

import pandas as pd
import pytest

from fwp.utils.files import (
    WriteError,
    atomic,
    remove_leftovers,
    write_frame,
    write_json,
    write_rows,
    write_text,
)


def test_writes_and_creates_folders(tmp_path):
    write_text(tmp_path / "a" / "b.txt", "é")
    assert (tmp_path / "a" / "b.txt").read_text(encoding="utf-8") == "é"


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "file.txt"
    write_text(path, "old")
    with pytest.raises(RuntimeError), atomic(path) as temporary:
        temporary.write_text("half of the n")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_json_refuses_what_json_cannot_hold(tmp_path):
    write_json(tmp_path / "x.json", {"a": [1, 2.5, None]})
    assert json.loads((tmp_path / "x.json").read_text()) == {"a": [1, 2.5, None]}
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "x.json", {"a": float("nan")})
    assert json.loads((tmp_path / "x.json").read_text()) == {"a": [1, 2.5, None]}


def test_rows_and_frames_are_written_alike(tmp_path):
    rows = [{"a": 1, "b": "x,y"}, {"a": 2, "b": None}]
    write_rows(tmp_path / "rows.csv", ["a", "b"], rows)
    write_frame(tmp_path / "frame.csv", pd.DataFrame(rows))
    assert (tmp_path / "rows.csv").read_bytes() == b'a,b\n1,"x,y"\n2,\n'
    assert (tmp_path / "frame.csv").read_bytes() == (tmp_path / "rows.csv").read_bytes()
    with pytest.raises(ValueError, match="'c'"):
        write_rows(tmp_path / "rows.csv", ["a"], [{"c": 1}])


def test_results_are_readable_by_others(tmp_path):
    write_text(tmp_path / "x", "")
    (tmp_path / "y").write_text("")
    assert (tmp_path / "x").stat().st_mode == (tmp_path / "y").stat().st_mode


def test_a_full_disk_is_told_with_the_file(tmp_path):
    path = tmp_path / "file.txt"
    write_text(path, "old")
    with pytest.raises(WriteError) as error, atomic(path) as temporary:
        temporary.write_text("half of the n")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert str(error.value) == (
        f"{path}: cannot be written: No space left on device; what is finished is kept"
    )
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path, monkeypatch):
    def refuse(**_):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("tempfile.mkstemp", refuse)
    with pytest.raises(WriteError, match="cannot be written: Read-only file system"):
        write_text(tmp_path / "file.txt", "new")


def test_other_errors_of_the_system_stay_what_they_are(tmp_path):
    with pytest.raises(FileNotFoundError), atomic(tmp_path / "file.txt"):
        (tmp_path / "nothing").read_text()


def test_what_killed_processes_leave_is_removed(tmp_path):
    (tmp_path / ".lock").touch()
    (tmp_path / "model.safetensors").touch()
    with atomic(tmp_path / "checkpoint.safetensors") as temporary:
        os.link(temporary, tmp_path / temporary.name.replace("checkpoint-", "cell-"))
    remove_leftovers(tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {".lock", "model.safetensors", "checkpoint.safetensors"}
