"""Translations of test sources, scored against the references, by the length of the source.

Sources may be longer than any that was trained on. Every model writes by greedy and by beam search
(`fwp.training.decoding`); the loss is that of the reference.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from fwp.datasets.spec import DatasetSpec, TaskSettings
from fwp.datasets.text.pair_dataset import PairDataset, load_pairs
from fwp.datasets.text.tokenizer import Tokenizer
from fwp.models.pack import Pack
from fwp.models.state_size import numbers_in_state
from fwp.training.decoding import LIMIT, translate
from fwp.training.evaluation.bleu import Scores
from fwp.training.pairs import PairEvaluator
from fwp.utils.bins import Bin

COLUMNS = ("decoding", "bin", "sentences", "tokens", "nats", "bleu", "chrf")
"""Of accuracy.csv, behind task, model, seed and status."""

SHORTEST = 8  # tokens of the first bin's longest sources
SAMPLES = 12
ROWS = {"cpu": 256, "cuda": 4096}
"""Hypotheses that are followed at a time, at most."""


def load(
    path: str | Path, task: TaskSettings | None = None, spec: DatasetSpec | None = None
) -> PairDataset:
    """Test pairs.

    Raises:
        DatasetError: the file is not what was asked for.
    """
    return load_pairs(path, task, spec=spec, kinds=("test",))


def bins(max_length: int, longest: int) -> Iterator[Bin]:
    """Lengths of sources in tokens: up to 8, 16, 32, …, the longest trained on, twice that, ….

    The last ends at `longest`.
    """
    first, last = 1, min(SHORTEST, max_length)
    while first <= longest:
        yield Bin(first, min(last, longest))
        first, last = last + 1, min(2 * last, max_length) if last < max_length else 2 * last


def measure(pack: Pack, dataset: PairDataset, device: str) -> tuple[list[list[dict]], dict]:
    """Rows of `COLUMNS` for each model, and what else the record says.

    There is a row for each way of decoding ("greedy", "beam 4") and each bin of sources ("1-8")
    that holds any, and one for all. It holds sentences, tokens of the references with their ends,
    their loss in nats per token, BLEU and chrF. The record has the signatures of BLEU and chrF, how
    translations were searched for, some of those of the first model, and how many numbers the state
    of a model holds (None if it grows).
    """
    split, width = dataset.splits["test"], dataset.spec["measure"]["beam"]
    evaluator = PairEvaluator(split, classes=len(dataset.classes), device=device, models=pack.size)
    nats = evaluator.nats_per_pair(pack).view(pack.size, -1).cpu().numpy()
    scores, groups = Scores(), list(_groups(dataset))
    tokens = split.lengths - split.sources
    decodings = {"greedy": 1} | ({f"beam {width}": width} if width > 1 else {})
    rows, samples = [], []
    for i in range(pack.size):
        found = {name: _written(pack, i, dataset, beam, device) for name, beam in decodings.items()}
        rows.append(
            [
                {
                    "decoding": name,
                    "bin": label,
                    "sentences": len(chosen),
                    "tokens": int(tokens[chosen].sum()),
                    "nats": float(nats[i, chosen].sum() / tokens[chosen].sum()),
                    **scores.of([written[k] for k in chosen], [split.texts[k][1] for k in chosen]),
                }
                for name, written in found.items()
                for label, chosen in groups
            ]
        )
        samples = samples or _samples(dataset, found)
    factor, more = LIMIT
    held = numbers_in_state(pack, device=device)
    return rows, {
        "state": None if held is None else held // pack.size,
        "signatures": scores.signatures,
        "search": {"score": "mean log p of tokens and end", "limit": f"{factor} n + {more} tokens"},
        "samples": samples,
    }


def _groups(dataset: PairDataset) -> Iterator[tuple[str, np.ndarray]]:
    """Bins of sources that are not empty, and all of them; with the numbers of their pairs."""
    lengths = dataset.splits["test"].sources
    for bin in bins(dataset.params["max_length"], int(lengths.max())):
        inside = np.flatnonzero((bin.shortest <= lengths) & (lengths <= bin.longest))
        if len(inside):
            yield str(bin), inside
    yield "all", np.arange(len(lengths))


def _written(pack: Pack, i: int, dataset: PairDataset, beam: int, device: str) -> list[str]:
    """Translations of all test sources by one model."""
    split, tokenizer = dataset.splits["test"], Tokenizer.from_json(dataset.tokenizer)
    found = translate(
        pack.alone(i),
        [split.source(k).tolist() for k in range(len(split))],
        separator=dataset.separator,
        end=dataset.end,
        beam=beam,
        rows=ROWS[torch.device(device).type],
        device=device,
    )
    # A separator within a translation stands for nothing.
    kept = ([token for token in tokens if token != dataset.separator] for tokens in found)
    return [" ".join(tokenizer.decode(t).decode(errors="replace").split()) for t in kept]


def _samples(dataset: PairDataset, found: dict[str, list[str]]) -> list[dict]:
    """Some translations, of sources from the shortest to the longest."""
    split = dataset.splits["test"]
    order = np.argsort(split.sources, kind="stable")
    places = np.linspace(0, len(order) - 1, min(SAMPLES, len(order))).round().astype(int)
    return [
        {
            "source": split.texts[k][0],
            "reference": split.texts[k][1],
            **{name: written[k] for name, written in found.items()},
        }
        for k in order[places]
    ]
