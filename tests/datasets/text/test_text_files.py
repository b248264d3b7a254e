"""Texts in files: plain or JSONL, compressed, in folders, and what is wrong with them."""

import gzip
import json

import pytest

from fwp.datasets.text.corpus import CorpusError, corpus_files, read_corpus
from fwp.datasets.text.files import expanded, listed, read

LINES = "".join(f"line {i} – ä\n" for i in range(200)).encode()


def params(files, **others):
    return {"files": files, "tokens": "bytes", "validation": 0.1, "test": 0.1, **others}


def test_plain_text_is_taken_as_it_is(tmp_path):
    file = tmp_path / "any.name"
    file.write_bytes(b"\xff\x00a\r\n b\n")
    assert read(file, "text", utf8=False) == b"\xff\x00a\r\n b\n"


def test_a_line_end_parts_files(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"one")
    (tmp_path / "b.txt").write_bytes(LINES)
    corpus = read_corpus(params([str(tmp_path / "b.txt"), str(tmp_path / "a.txt")]))
    assert b"".join(corpus) == LINES + b"one\n"


def test_jsonl_has_its_text_in_a_field(tmp_path):
    file = tmp_path / "a.jsonl"
    records = [{"body": "first\nsecond", "text": "no"}, {"body": "thïrd\n"}, {"body": ""}]
    file.write_text("\n".join(map(json.dumps, records)) + "\n\n", encoding="utf-8")
    assert read(file, "body", utf8=True) == "first\nsecond\nthïrd\n".encode()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"txt": "a"}', "has no field 'text', only txt (did you mean 'txt'?)"),
        (b"{", "line 2: not JSON"),
        (b"[" * 100_000, "line 2: not JSON"),
        (b"[1]", "must be an object with the field 'text'"),
        (b'{"text": 1}', "the field 'text' is not text"),
        (b'{"text": "\\ud800"}', "holds half a character"),
        (b'{"text": "\xff"}', "not UTF-8 at byte 10 of the line"),
    ],
)
def test_a_bad_line_of_jsonl_is_named(tmp_path, line, message):
    file = tmp_path / "a.jsonl"
    file.write_bytes(b'{"text": "good"}\n' + line + b"\n")
    with pytest.raises(CorpusError) as caught:
        read(file, "text", utf8=False)
    assert message in str(caught.value)
    assert f"{file}, line 2" in str(caught.value)


def test_compressed_files_are_read(tmp_path, monkeypatch):
    zstandard = pytest.importorskip("zstandard", reason="pip install 'fwp-lab[text]'")
    record = json.dumps({"text": "of JSON"}).encode()
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(LINES))
    monkeypatch.setattr("fwp.datasets.text.zstd.CHUNK", 100)
    frames = [zstandard.ZstdCompressor().compress(part) for part in (LINES, b"more\n")]
    (tmp_path / "b.txt.zst").write_bytes(b"".join(frames))
    (tmp_path / "c.jsonl.zst").write_bytes(zstandard.ZstdCompressor().compress(record))
    corpus = read_corpus(params(str(tmp_path)))
    assert b"".join(corpus) == LINES + LINES + b"more\nof JSON\n"


@pytest.mark.parametrize("suffix", ["gz", "zst"])
def test_a_damaged_archive_is_named(tmp_path, suffix):
    compress = gzip.compress
    if suffix == "zst":
        zstandard = pytest.importorskip("zstandard", reason="pip install 'fwp-lab[text]'")
        compress = zstandard.ZstdCompressor().compress
    file = tmp_path / f"a.txt.{suffix}"
    for content in (b"no archive at all", compress(LINES)[:-20]):
        file.write_bytes(content)
        with pytest.raises(CorpusError, match=rf"^text\.files: .*a\.txt\.{suffix} cannot be read"):
            read(file, "text", utf8=False)


def test_a_folder_is_all_texts_below_it(tmp_path):
    for name in ("b.txt", "a/z.TXT", "a/y.jsonl.gz", "c.md", ".hidden/d.txt", "a/.e.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    found = expanded("text.files", str(tmp_path))
    assert [str(path.relative_to(tmp_path)) for path in found] == [
        "a/y.jsonl.gz",
        "a/z.TXT",
        "b.txt",
    ]
    assert corpus_files({"files": [str(tmp_path)]}) == [str(path) for path in found]


def test_places_of_files_are_those_in_the_config():
    assert listed("a") == [("text.files", "a")]
    assert listed(["a", "b"]) == [("text.files", "a"), ("text.files", "b")]
    three = {"train": ["a", "b"], "validation": "c", "test": "d"}
    assert [place for place, _ in listed(three)] == [
        "text.files.train",
        "text.files.train",
        "text.files.validation",
        "text.files.test",
    ]


def test_the_position_of_what_is_no_utf8_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("fwp.datasets.text.files.BLOCK", 7)
    file = tmp_path / "a.txt"
    good = "äöü€𝄞".encode() * 5
    file.write_bytes(good)
    assert read(file, "text", utf8=True) == good + b"\n"
    for tail in (b"\xc3(", b"\xff", b"\xe2\x82"):
        file.write_bytes(good + tail)
        with pytest.raises(CorpusError, match=rf"a\.txt is not UTF-8 at byte {len(good)};"):
            read(file, "text", utf8=True)
    file.write_bytes("text".encode("utf-16"))
    with pytest.raises(CorpusError, match="UTF-16"):
        read(file, "text", utf8=True)
