"""A tiny translation, from small letters to capitals, for tests that train on pairs."""

import random
from pathlib import Path

from fwp.datasets.spec import DatasetSpec, TaskSettings
from fwp.datasets.text.build_pairs import build_pairs
from fwp.datasets.text.pair_dataset import PairDataset
from fwp.datasets.text.windows import text_windows

SETTINGS = {
    "files": None,
    "catalogues": None,
    "package": None,
    "folder": None,
    "tokens": "characters",
    "vocabulary": None,
    "max_length": 4,
    "validation": 6,
    "test": 6,
    "seed": 0,
}
MEASURED = {"beam": 2, "reach": 2}


def table(path, count=150) -> str:
    """A file of pairs; its path."""
    draw = random.Random(0)
    texts = {"".join(draw.choices("abc", k=draw.randint(1, 8))) for _ in range(count)}
    path.write_text("".join(f"{text}\t{text.upper()}\n" for text in sorted(texts)))
    return str(path)


def spec(files: str, **changes) -> DatasetSpec:
    """What the pairs of a file are read by."""
    params = SETTINGS | {"files": files} | changes
    return text_windows(TaskSettings("capitals", "translation", params), params | MEASURED)


def known(path) -> int:
    """How many pairs there are in a file."""
    return len(Path(path).read_text().splitlines())


def pairs(folder, **changes) -> tuple[PairDataset, PairDataset]:
    """Training and test pairs."""
    own = spec(table(folder / "pairs.tsv"), **changes)
    training = build_pairs(own.without_test())
    return training, build_pairs(own, ("test",), training)
