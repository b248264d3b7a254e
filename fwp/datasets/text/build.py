"""From settings to a text as tokens: what is read or drawn, divided and encoded."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fwp.datasets.spec import DatasetSpec
from fwp.datasets.text.corpus import CorpusError, read_corpus
from fwp.datasets.text.dataset import TextDataset, TextSplit, token_type
from fwp.datasets.text.tokenizer import Tokenizer, train_tokenizer
from fwp.datasets.text.words import count_words

TRAINING = ("train", "validation")


def build_text(
    spec: DatasetSpec, kinds: Sequence[str] = TRAINING, like: TextDataset | None = None
) -> TextDataset:
    """Read or draw the parts of a text.

    Args:
        spec: the task, its settings and what is measured.
        kinds: the parts: train and validation, or test.
        like: the training part; its tokenizer encodes the test text.

    Raises:
        CorpusError: the text cannot be read, or is too short.
    """
    params = dict(spec.task.params)
    parts = _drawn(params) if params["generator"] is not None else _read(params, like)
    whole = replace(parts, task=spec.task.name, spec=spec.as_dict())
    longest = {"train": params["context"] + 1, "validation": params["context"] + 1, "test": 2}
    for kind in kinds:
        if (found := len(whole.splits[kind])) < longest[kind]:
            raise CorpusError(
                f"text.context: the {kind} text must have more tokens than the context, "
                f"{params['context']}; it has {found}"
                if kind != "test"
                else f"text.test: the test text must have two tokens or more, it has {found}"
            )
    return replace(whole, splits={kind: whole.splits[kind] for kind in kinds})


def _drawn(params: dict) -> TextDataset:
    from fwp.datasets.text import generators

    alphabet = generators.alphabet(params["generator"])
    kind = token_type(len(alphabet))
    splits = {
        name: TextSplit(name, tokens.astype(kind), 0, ideal)
        for name, (tokens, ideal) in generators.draw(params, params["seed"]).items()
    }
    sizes = np.ones(len(alphabet), dtype=np.int64)  # a symbol counts as a byte
    return TextDataset("", params, alphabet, sizes, "", splits)


def _read(params: dict, like: TextDataset | None) -> TextDataset:
    corpus = read_corpus(params)
    if like is None:
        tokenizer = train_tokenizer(params["tokens"], params["vocabulary"], corpus.train)
    else:
        tokenizer = Tokenizer.from_json(like.tokenizer)
    kind = token_type(len(tokenizer.alphabet))
    splits = {}
    for name, text in corpus._asdict().items():
        # Test tokens are not needed to train, nor training tokens to measure.
        wanted = (name == "test") == (like is not None)
        tokens = tokenizer.encode(text).astype(kind) if wanted else np.zeros(0, dtype=kind)
        splits[name] = TextSplit(name, tokens, count_words(text) if wanted else 0)
    return TextDataset(
        "", params, tuple(tokenizer.alphabet), tokenizer.sizes, tokenizer.to_json(), splits
    )
