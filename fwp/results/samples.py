"""What translations were scored with, and some of them to read: translation.json.

`fwp.results.text` gathers the numbers; this gathers what evaluation.json says beside them.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from fwp.results.cells import Wanted
from fwp.results.integrity import check_sum, damaged, read_bytes
from fwp.results.record import read_evaluation
from fwp.utils.files import write_json

NAME = "translation.json"


def collect_samples(cells: Iterable[str | Path | Wanted]) -> dict[str, dict[str, Any]]:
    """What the records of evaluated translations say, of the first cell of each model.

    Returns:
        Task → signatures (score → sacrebleu's signature) and samples, a list of source, reference
        and outputs: model → translation by the last decoding. A sample is the same sentence for
        all models.

    Raises:
        ResultsError: a record is missing or damaged.
    """
    found: dict[str, dict[str, Any]] = {}
    for cell in cells:
        folder = cell.folder if isinstance(cell, Wanted) else Path(cell)
        record = read_evaluation(folder / "evaluation.json")
        task, model = folder.parts[-3:-1]
        own = found.setdefault(task, {"signatures": {}, "samples": []})
        try:
            own["signatures"] |= record["signatures"]
            for sample in record["samples"]:
                _add(own["samples"], sample, model)
        except (KeyError, TypeError, ValueError) as error:
            raise damaged(
                folder / "evaluation.json", f"not the record of a translation: {error}"
            ) from None
    return found


def write_samples(found: Mapping[str, Any], path: str | Path) -> None:
    """Write what `collect_samples` returned."""
    write_json(path, found)


def read_samples(path: str | Path) -> dict[str, dict[str, Any]]:
    """Read what `write_samples` wrote.

    Raises:
        ResultsError: it is missing, or not what was written.
    """
    check_sum(path)
    try:
        return json.loads(read_bytes(path))
    except (ValueError, RecursionError):
        raise damaged(path, "not JSON") from None


def _add(samples: list[dict[str, Any]], sample: Mapping[str, str], model: str) -> None:
    """Add a model's translation of a sentence to those of others."""
    facts = {key: sample[key] for key in ("source", "reference")}
    texts = [text for key, text in sample.items() if key not in facts]
    for known in samples:
        if all(known[key] == text for key, text in facts.items()):
            known["outputs"].setdefault(model, texts[-1])
            return
    samples.append(facts | {"outputs": {model: texts[-1]}})
