"""What the explorer shows of texts and of translations: losses, scores, and training."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from fwp.report import labels
from fwp.report.explorer.curves import POINTS, curves
from fwp.report.explorer.kinds import Measure, kind, rounded
from fwp.report.tables.numbers import number
from fwp.results.frames import groups
from fwp.results.statistics import CELL
from fwp.results.text import TextResults
from fwp.results.text_facts import TextFacts
from fwp.results.text_frames import beyond
from fwp.results.text_kinds import ALL
from fwp.results.text_summary import mean_interval
from fwp.utils.bins import Bin

TEXT_MEASURES = (
    Measure("bits", "Bits per byte", "bits per byte", more=False),
    Measure("nats", "Nats per token", "nats per token", more=False),
    Measure("accuracy", "Tokens held most probable (%)"),
    Measure("seconds", "Seconds of training, mean", "seconds", parted=False, more=False),
)
TRANSLATION_MEASURES = (
    Measure("bleu", "BLEU", "points"),
    Measure("chrf", "chrF", "points"),
    Measure("nats", "Nats per token of the target", "nats per token", more=False),
    Measure("seconds", "Seconds of training, mean", "seconds", parted=False, more=False),
)
HOVER = {"mean": "Mean", "spread": "95 % interval", "seeds": "Each seed"}
KEY = "Shades go by rank, from the worst model of each task to its best."
NOTE = f"Losses in training are those of validation data. At most {POINTS} of a run are drawn."
WITHIN, BEYOND = "within the training context", "beyond the training context"
BEST = 0.85  # the shade of the best model: the darkest means that all is right
DIGITS = {"bits": 3, "nats": 3, "accuracy": 1, "bleu": 1, "chrf": 1}


def of_texts(results: TextResults, facts: Mapping[str, TextFacts]) -> dict[str, Any] | None:
    """Everything on texts, as `fwp.report.explorer.kinds` has it; None if there is no text.

    Args:
        results: the tidy tables.
        facts: of each text (`fwp.results.text_facts`).
    """
    text = results.text
    if text.empty:
        return None
    contexts = {task: own.context for task, own in facts.items()}
    ranges = sorted(set(zip(text["first"], text["last"], strict=True)))
    names = [WITHIN, BEYOND, *(f"{a}–{b}" if a != b else str(a) for a, b in ranges)]
    place = {ends: i + 2 for i, ends in enumerate(ranges)}
    own = [place[ends] for ends in zip(text["first"], text["last"], strict=True)]
    parted = pd.concat(
        [
            text.assign(part=beyond(text, contexts).astype(int)),
            text.assign(part=own),
        ]
    )
    per_run = _per_run(parted)
    scale = {task: own.bytes_per_token("validation") for task, own in facts.items()}
    history = _of_kind(results.history, text)
    tasks = history["task"].astype(str)
    history = history.assign(
        bits=history["validation"] / math.log(2) / tasks.map(scale),
        tokens=history["strings"] * tasks.map(contexts),
    )
    middle = text.assign(
        position=(text["first"] * text["last"]) ** 0.5,
        bits=text["nats"] / math.log(2) * text["tokens"] / text["bytes"],
    )
    drawn = {
        "position": curves(middle, "position", "bits"),
        "tokens": curves(history, "tokens", "bits"),
        "seconds": curves(history, "seconds", "bits"),
    }
    return kind(
        "texts",
        "Texts",
        measures=TEXT_MEASURES,
        parts={"title": "Positions", "labels": names},
        hover=HOVER,
        cells=_cells(per_run, results.runs, TEXT_MEASURES, len(names), drawn),
        trained={task: (1, context) for task, context in contexts.items()},
        start=0,
        key=KEY,
        note="The training context is shaded. " + NOTE,
    )


def of_translations(results: TextResults) -> dict[str, Any] | None:
    """Everything on translations; None if there is none. Scores are of the last decoding."""
    scores = results.translation
    if scores.empty:
        return None
    scores = scores[scores["decoding"] == scores["decoding"].iloc[-1]]
    bins = sorted((bin for bin in scores["bin"].unique() if bin != ALL), key=Bin.parse)
    place = {bin: i for i, bin in enumerate([ALL, *bins])}
    scores = scores.assign(part=scores["bin"].astype(str).map(place))
    by_length = scores[scores["bin"] != ALL]
    windows = by_length["bin"].astype(str).map(Bin.parse)
    by_length = by_length.assign(length=[(a * b) ** 0.5 for a, b in windows])
    history = _of_kind(results.history, scores)
    drawn = {
        "source": curves(by_length, "length", "bleu"),
        "pairs": curves(history, "strings", "validation"),
        "seconds": curves(history, "seconds", "validation"),
    }
    names = ["of every length", *(f"of {labels.lengths(bin)} tokens" for bin in bins)]
    return kind(
        "translations",
        "Translations",
        measures=TRANSLATION_MEASURES,
        parts={"title": "Source sentences", "labels": names},
        hover=HOVER,
        cells=_cells(scores, results.runs, TRANSLATION_MEASURES, len(names), drawn),
        trained={},
        start=0,
        key=KEY,
        note=NOTE,
    )


def _of_kind(frame: pd.DataFrame, like: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["task"].isin(like["task"].unique())]


def _per_run(rows: pd.DataFrame) -> pd.DataFrame:
    """Losses of each run and part, a token counting as much as any other."""
    sums = rows.assign(
        nats=rows["nats"].fillna(math.inf) * rows["tokens"],
        accuracy=rows["accuracy"] * rows["tokens"],
    )
    keys = [*CELL, "seed", "part"]
    sums = sums.groupby(keys, observed=True)[["nats", "accuracy", "tokens", "bytes"]].sum()
    found = pd.DataFrame(
        {
            "bits": sums["nats"] / math.log(2) / sums["bytes"],
            "nats": sums["nats"] / sums["tokens"],
            "accuracy": sums["accuracy"] / sums["tokens"],
        }
    )
    return found.reset_index()


def _cells(
    rows: pd.DataFrame,
    runs: pd.DataFrame,
    measures: Sequence[Measure],
    count: int,
    drawn: Mapping[str, Mapping],
) -> list[dict[str, Any]]:
    """The cells: means over seeds, and shades among the models of a task."""
    parted = [measure for measure in measures if measure.parted]
    cost = runs.groupby(CELL, observed=True)["seconds"].mean()
    cells: dict[tuple, dict[str, Any]] = {}
    for (task, model), own in groups(rows, CELL):
        values: dict[str, list] = {measure.name: [None] * count for measure in parted}
        texts: dict[str, list] = {measure.name: [""] * count for measure in parted}
        hover: list[dict | None] = [None] * count
        for part, of in groups(own, "part"):
            for measure in parted:
                mean = of[measure.name].mean(skipna=False)
                values[measure.name][part] = rounded(mean)
                texts[measure.name][part] = _text(measure)(mean)
            hover[part] = _hover(of, parted[0])
        seconds = cost[task, model]
        values["seconds"], texts["seconds"] = [rounded(seconds, 1)], [f"{seconds:,.0f}"]
        names = {"task": task, "model": model}
        told = {"values": values, "texts": texts, "shades": {}, "hover": hover}
        lines = {name: curve.get((task, model), []) for name, curve in drawn.items()}
        cells[task, model] = names | told | {"curves": lines}
    for task in {task for task, _ in cells}:
        _shade([cell for (of, _), cell in cells.items() if of == task], parted, count)
    return list(cells.values())


def _text(measure: Measure) -> Callable[[float], str]:
    factor = 100 if measure.unit == "%" else 1
    return lambda value: number(value * factor, DIGITS[measure.name])


def _hover(rows: pd.DataFrame, measure: Measure) -> dict[str, str]:
    """What is said of the seeds, in the first measure."""
    text = _text(measure)
    low, high = mean_interval(rows[measure.name])
    return {
        "mean": f"{text(rows[measure.name].mean(skipna=False))} {measure.unit}, {len(rows)} "
        f"seed{labels.plural(rows)}",
        "spread": "–" if math.isnan(low) else f"{text(low)}–{text(high)}",
        "seeds": ", ".join(map(text, rows[measure.name])),
    }


def _shade(cells: Sequence[dict], measures: Sequence[Measure], count: int) -> None:
    """Shades by rank among the models of a task: a model that is far off hides no differences."""
    for measure in measures:
        every = [cell["values"][measure.name] for cell in cells]
        shades: list[list] = [[None] * count for _ in cells]
        for part in range(count):
            known = sorted({own[part] for own in every if own[part] is not None})
            ranks = {value: i / max(len(known) - 1, 1) for i, value in enumerate(known)}
            for own, shade in zip(every, shades, strict=True):
                if own[part] in ranks:
                    share = ranks[own[part]] if measure.more else 1 - ranks[own[part]]
                    shade[part] = rounded(BEST * share)
        for cell, shade in zip(cells, shades, strict=True):
            cell["shades"][measure.name] = shade
