"""What an accuracy.csv says of each seed, in a number or two: for the board of `fwp status`.

Free of pandas, which takes long to load.
"""

import csv
import math
from collections import defaultdict
from pathlib import Path

from fwp.results.text_kinds import ALL


def read_scores(path: Path, context: int) -> dict[int, list[float]]:
    """Per seed: accuracy on each test bin, shortest first, in [0, 1].

    Of a text: bits per byte within the training context and beyond it. Of a translation: BLEU of
    every way of decoding.

    Args:
        path: the file.
        context: the training context of a text.

    Raises:
        OSError, ValueError, KeyError, TypeError: the file is not such a table.
    """
    with path.open(newline="", encoding="utf-8") as file:
        header = next(file, "")
        columns = header.strip().split(",")
        if "first" in columns:
            return _bits(csv.DictReader([header, *file]), context)
        if "bleu" in columns:
            rows = csv.DictReader([header, *(line for line in file if f",{ALL}," in line)])
            return _listed((row["seed"], row["bleu"]) for row in rows)
        # Rows of single lengths are a thousand times as many: leave them out unparsed.
        rows = csv.DictReader([header, *(line for line in file if ",," in line)])
        whole = (row for row in rows if not row["length"])
        return _listed((row["seed"], row["sequence_accuracy"] or 0) for row in whole)


def _listed(pairs) -> dict[int, list[float]]:
    found: dict[int, list[float]] = {}
    for seed, value in pairs:
        found.setdefault(int(seed), []).append(float(value))
    return found


def _bits(rows: csv.DictReader, context: int) -> dict[int, list[float]]:
    sums: dict[int, dict[bool, list[float]]] = defaultdict(dict)
    for row in rows:
        nats = float(row["nats"] or math.inf)
        own = sums[int(row["seed"])].setdefault(int(row["first"]) > context, [0.0, 0])
        own[0] += nats * int(row["tokens"])
        own[1] += int(row["bytes"])
    return {
        seed: [nats / math.log(2) / size for _, (nats, size) in sorted(own.items())]
        for seed, own in sums.items()
    }
