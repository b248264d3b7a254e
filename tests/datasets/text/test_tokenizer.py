"""From text to tokens and back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fwp.datasets.text import words
from fwp.datasets.text.corpus import CorpusError
from fwp.datasets.text.tokenizer import MOST_TOKENS, Tokenizer, train_tokenizer
from fwp.datasets.text.vocabulary import shown

TEXT = (
    "the cat sat on the mat\n\n the cat — ate <unk> the rät\tthe\u00a0end\n\x00 \\n 𝄞 \u0085\n" * 3
).encode()
KINDS = [("bytes", None), ("characters", None), ("words", None), ("words", 6), ("bpe", 280)]
BPE = "pip install 'fwp-lab[text]'"


def trained(tokens, vocabulary, text=TEXT):
    if tokens == "bpe":
        pytest.importorskip("tokenizers", reason=BPE)
    return train_tokenizer(tokens, vocabulary, text)


@pytest.mark.parametrize(("tokens", "vocabulary"), KINDS)
def test_sizes_add_up_to_the_decoded_bytes(tokens, vocabulary):
    tokenizer = trained(tokens, vocabulary)
    for text in (TEXT, "new wörds – €, ok".encode(), b""):
        found = tokenizer.encode(text)
        assert found.dtype == (np.uint8 if len(tokenizer) <= 256 else np.uint16)
        assert tokenizer.sizes[found].sum() == len(tokenizer.decode(found))
    assert tokenizer.sizes.dtype == np.int64
    assert len(tokenizer.sizes) == len(tokenizer) == len(tokenizer.alphabet)


@pytest.mark.parametrize(("tokens", "vocabulary"), KINDS)
def test_a_kept_tokenizer_is_the_same(tokens, vocabulary):
    tokenizer = trained(tokens, vocabulary)
    text = tokenizer.to_json()
    kept = Tokenizer.from_json(text)
    assert type(kept) is type(tokenizer)
    assert kept.to_json() == text
    assert kept.alphabet == tokenizer.alphabet
    assert (kept.encode(TEXT) == tokenizer.encode(TEXT)).all()
    assert trained(tokens, vocabulary).to_json() == text


@pytest.mark.parametrize(("tokens", "vocabulary"), KINDS)
def test_no_two_tokens_are_shown_alike_and_each_on_a_line(tokens, vocabulary):
    alphabet = trained(tokens, vocabulary).alphabet
    assert len(set(alphabet)) == len(alphabet)
    assert all(symbol.isprintable() for symbol in alphabet)


@given(st.text())
@settings(max_examples=60, deadline=None)
def test_bytes_and_byte_pairs_lose_nothing(text):
    data = text.encode()
    for tokenizer in (trained("bytes", None), BYTE_PAIRS or trained("bpe", 280)):
        assert tokenizer.decode(tokenizer.encode(data)) == data


@given(st.binary())
@settings(max_examples=30, deadline=None)
def test_bytes_take_anything(data):
    tokenizer = trained("bytes", None)
    assert tokenizer.encode(data).tolist() == list(data)
    assert tokenizer.decode(tokenizer.encode(data)) == data


@given(st.text(alphabet=sorted(set(TEXT.decode()))))
@settings(max_examples=60, deadline=None)
def test_known_characters_lose_nothing(text):
    tokenizer = trained("characters", None)
    assert tokenizer.decode(tokenizer.encode(text.encode())).decode() == text


@pytest.fixture(scope="module", autouse=True)
def byte_pairs():
    """Byte pairs, trained once for all examples."""
    global BYTE_PAIRS
    pytest.importorskip("tokenizers", reason=BPE)
    BYTE_PAIRS = train_tokenizer("bpe", 280, TEXT)


BYTE_PAIRS = None


@pytest.mark.parametrize("size", [4, 64])
def test_it_does_not_matter_how_a_text_is_held(monkeypatch, size):
    long = TEXT * 3 + b"no end"
    whole = {kind: trained(*kind).encode(long) for kind in KINDS[:4]}
    counted = words.count_words(long)
    monkeypatch.setattr(words.pieces, "__defaults__", (size,))
    monkeypatch.setattr("fwp.datasets.text.vocabulary.TOGETHER", 7)
    assert b"".join(words.pieces(long)) == long
    for kind, tokens in whole.items():
        if kind[0] != "words":
            assert (trained(*kind).encode(long) == tokens).all()
            assert trained(*kind).decode(tokens) == long
    if size == 64:  # longer than a word
        assert (trained("words", 6).encode(long) == whole["words", 6]).all()
        assert words.count_words(long) == counted


def test_characters_are_those_of_the_training_text():
    tokenizer = trained("characters", None, "báa\n".encode())
    assert tokenizer.alphabet == ("\\n", "a", "b", "á", "<unk>")
    assert tokenizer.encode("abz€á".encode()).tolist() == [1, 2, 4, 4, 3]
    assert tokenizer.decode([1, 4, 0]) == "a\ufffd\n".encode()
    assert tokenizer.unknown == 4


def test_words_are_those_of_wikitext():
    text = b" = Title = \n\n the <unk> the\tcat \n the end"
    tokenizer = trained("words", None, text)
    assert tokenizer.alphabet == ("<unk>", "<eos>", "the", "=", "Title", "cat", "end")
    assert tokenizer.encode(text).tolist() == [3, 4, 3, 1, 1, 2, 0, 2, 5, 1, 2, 6, 1]
    assert words.count_words(text) == 13
    assert (
        tokenizer.decode(tokenizer.encode(text)) == b"= Title = \n\nthe <unk> the cat \nthe end \n"
    )
    assert tokenizer.encode(b"a <eos> cat").tolist() == [0, 0, 5, 1]


def test_the_most_frequent_words_are_kept():
    tokenizer = trained("words", 5, b"b b c c a d d d")
    assert tokenizer.alphabet == ("<unk>", "<eos>", "d", "b", "c")


def test_byte_pairs_are_learnt_from_the_training_text():
    tokenizer = trained("bpe", 300, b"thethe the the then " * 50)
    assert 256 < len(tokenizer) <= 300
    assert " the" in tokenizer.alphabet
    assert len(tokenizer.encode(b" the the")) == 2
    assert tokenizer.unknown is None
    assert {bytes([b]) for b in range(256)} <= set(tokenizer.contents)


def test_what_is_shown_of_bytes():
    assert shown(b"a\n\\\x00") == "a\\n\\\\\\x00"
    assert shown(b"\xe2\x82") == "\\xe2\\x82"
    assert shown("\u0085".encode()) == "\\u0085"
    assert shown("é \U000e0001".encode()) == "é \\U000e0001"


def test_texts_without_words_or_with_too_many_characters_are_refused(monkeypatch):
    with pytest.raises(CorpusError, match=r"^text\.files: the training part has no words"):
        trained("words", None, b" \n\n")
    monkeypatch.setattr("fwp.datasets.text.tokenizer.MOST_TOKENS", 3)
    with pytest.raises(CorpusError, match=r"^text\.tokens: the text has 3 different characters"):
        trained("characters", None, b"abc")
    with pytest.raises(CorpusError, match=r"^text\.vocabulary: bpe needs"):
        trained("bpe", None, b"abc")
    assert MOST_TOKENS == 65_535
