import pytest
import tiny_pairs

from fwp.datasets.text import pair_check
from fwp.datasets.text.pair_check import check_pairs
from fwp.datasets.text.pair_split import PARTS


def faults(**given):
    return list(check_pairs(tiny_pairs.SETTINGS | given))


@pytest.fixture(autouse=True)
def installed(monkeypatch):
    """All optional packages."""
    monkeypatch.setattr(pair_check, "find_spec", lambda name: name)


def test_pairs_that_can_be_read(tmp_path):
    table = tiny_pairs.table(tmp_path / "pairs.tsv")
    assert faults(files=table) == []
    assert faults(files=dict.fromkeys(PARTS, table)) == []
    assert faults(files={"source": table, "target": table}) == []


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ("none.tsv", "none.tsv cannot be read: No such file or directory"),
        ({"source": "none"}, "must be a table, {source, target}, or {train, validation, test}"),
        (dict.fromkeys((*PARTS, "more"), "x"), "must be a table, {source, target}, or"),
        ({"source": 3, "target": "x"}, "must be a table, {source, target}"),
    ],
)
def test_files_that_cannot_be_read(files, message):
    (found,) = faults(files=files)
    assert found.startswith(f"translation.files: {message}")


@pytest.mark.parametrize("small", [True, False])
def test_parallel_files_of_unequal_length(tmp_path, small, monkeypatch):
    monkeypatch.setattr(pair_check, "SMALL", 1 << 20 if small else 0)
    files = {"source": str(tmp_path / "a"), "target": str(tmp_path / "b")}
    (tmp_path / "a").write_text("one\ntwo\nthree")
    (tmp_path / "b").write_text("eins\nzwei\n")
    (found,) = faults(files=files)
    assert found.endswith(f"but {files['source']} has 3 lines and {files['target']} has 2")


def test_a_large_file_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(pair_check, "SMALL", 3)
    (tmp_path / "pairs.tsv").write_bytes(b"\xff\xff\xff\xff")
    assert faults(files=str(tmp_path / "pairs.tsv")) == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"package": "bible_kjv"}, "package: must be one of bible_kjv_web, libreoffice_help"),
        (
            {"package": "libreoffice_help", "folder": "/none"},
            "package: libreoffice_help needs the Debian packages libreoffice-help-en-us and "
            "libreoffice-help-de: the folder /none must hold en-US and de",
        ),
        ({"catalogues": "/none"}, "catalogues: /none: there is no such folder"),
        ({"catalogues": "/none", "folder": "x"}, "folder: is for the package libreoffice_help"),
        (
            {"catalogues": "/none", "tokens": "bytes", "vocabulary": 300},
            "vocabulary: must be null with tokens: bytes",
        ),
    ],
)
def test_other_mistakes(given, message):
    assert faults(**given)[0].startswith(f"translation.{message}")


def test_missing_packages(tmp_path, monkeypatch):
    monkeypatch.setattr(pair_check, "find_spec", lambda _: None)
    (found,) = faults(files=tiny_pairs.table(tmp_path / "pairs.tsv"))
    assert found == (
        "translation: BLEU and chrF need the package sacrebleu: pip install 'fwp-lab[text]'"
    )
