"""From settings to pairs as tokens: what is read, divided, encoded and left out."""

from collections.abc import Iterable, Sequence

import numpy as np

from fwp.datasets.spec import DatasetSpec
from fwp.datasets.text.pair import Pair, PairsError
from fwp.datasets.text.pair_dataset import SPECIAL, PairDataset, PairSplit
from fwp.datasets.text.pairs import VOCABULARY, read_pairs
from fwp.datasets.text.tokenizer import Tokenizer, train_tokenizer

TRAINING = ("train", "validation")


def build_pairs(
    spec: DatasetSpec, kinds: Sequence[str] = TRAINING, like: PairDataset | None = None
) -> PairDataset:
    """Read and encode the parts of a translation.

    One tokenizer, of the training pairs alone, serves both languages. Pairs for training and
    validation have at most `max_length` tokens on either side, pairs for the test `reach` times as
    many.

    Args:
        spec: the task, its settings and what is measured.
        kinds: the parts: train and validation, or test.
        like: the training part; its tokenizer encodes the test pairs.

    Raises:
        PairsError: the pairs cannot be read, or none of a part is short enough.
    """
    params = dict(spec.task.params)
    pairs = read_pairs(params)
    if like is None:
        tokenizer = _trained(params, pairs.parts["train"])
    else:
        tokenizer = Tokenizer.from_json(like.tokenizer)
    splits, left_out = {}, dict(pairs.left_out)
    for kind in kinds:
        longest = params["max_length"] * (spec.measure["reach"] if kind == "test" else 1)
        split, long = _encoded(kind, pairs.parts[kind], tokenizer, longest)
        left_out[f"{kind}: too long"] = long
        if not len(split):
            raise PairsError(
                f"translation.max_length: all {long} {kind} pairs have more than {longest} tokens"
            )
        splits[kind] = split
    return PairDataset(
        task=spec.task.name,
        params=params,
        alphabet=(*tokenizer.alphabet, *SPECIAL),
        tokenizer=tokenizer.to_json(),
        splits=splits,
        left_out=left_out if like is None else {**like.left_out, **left_out},
        spec=spec.as_dict(),
    )


def _trained(params: dict, pairs: Iterable[Pair]) -> Tokenizer:
    text = _lines(sentence for pair in pairs for sentence in pair[:2])
    vocabulary = params["vocabulary"]
    if params["tokens"] == "bpe" and vocabulary is None:
        vocabulary = VOCABULARY
    return train_tokenizer(params["tokens"], vocabulary, text)


def _encoded(
    name: str, pairs: Sequence[Pair], tokenizer: Tokenizer, longest: int
) -> tuple[PairSplit, int]:
    """Pairs as tokens, and how many were left out as too long."""
    separator = np.array([len(tokenizer.alphabet)], dtype=np.int32)
    parts, sources, texts = [np.zeros(0, dtype=np.int32)], [], []
    sides = (_sentences(tokenizer, [pair[side] for pair in pairs]) for side in (0, 1))
    for pair, source, target in zip(pairs, *sides, strict=True):
        if max(len(source), len(target)) <= longest:
            parts.append(np.concatenate([source, separator, target], dtype=np.int32))
            sources.append(len(source))
            texts.append(pair[:2])
    split = PairSplit(
        name,
        tokens=np.concatenate(parts),
        offsets=np.cumsum([len(part) for part in parts], dtype=np.int64),
        sources=np.array(sources, dtype=np.int64),
        texts=tuple(texts) if name == "test" else (),
    )
    return split, len(pairs) - len(texts)


def _sentences(tokenizer: Tokenizer, sentences: Sequence[str]) -> list[np.ndarray]:
    """The tokens of each sentence, which are encoded in one go."""
    (line_end,) = tokenizer.encode(b"\n")
    tokens = tokenizer.encode(_lines(sentences))
    ends = np.flatnonzero(tokens == line_end)
    if len(ends) != len(sentences):
        raise PairsError(f"{len(sentences)} sentences were encoded as {len(ends)} lines")
    begins = np.concatenate([[0], ends[:-1] + 1])
    return [tokens[begin:end] for begin, end in zip(begins, ends, strict=True)]


def _lines(sentences: Iterable[str]) -> bytes:
    return "".join(f"{sentence}\n" for sentence in sentences).encode()
