"""Evidence for claims, in words: what was claimed, what was found, what would settle it."""

import math
import textwrap
from collections.abc import Iterable

from fwp.claims.judge import CONTRADICTED, SUPPORTED, UNDETERMINED, Evidence, Judgement
from fwp.report import labels
from fwp.report.labels import plural

SHOWN = 3  # cells that a verdict's short reasons name


def claimed(item: Evidence) -> str:
    """What a criterion demands of a cell: "median at least 90 %"."""
    criterion = item.criterion
    name = {"success_rate": "success rate", "best": "best seed"}.get(criterion.statistic, "median")
    if criterion.more_than:
        return f"{name} above that of {labels.model(criterion.more_than)}"
    if criterion.at_least is not None:
        return f"{name} at least {_percent(criterion.limit)}"
    return f"{name} below {_percent(criterion.limit)}"


def found(item: Evidence, decision: bool = True) -> str:
    """What the seeds of a cell show: "2 of 3 seeds at 100 % (21–94 %)"; what would settle it."""
    goal = "at 100 %" if item.threshold == 1 else f"at {_percent(item.threshold)} or more"
    limits = [labels.percent(limit, decimals=0) for limit in (item.low, item.high)]
    interval = "" if math.isnan(item.low) else f"{'–'.join(limits)} %"
    counts = f"{item.reached} of {item.seeds} seed{plural(item.seeds)} {goal}"
    if item.other:
        text = (
            f"{counts}, of {labels.model(item.other)} {item.other_reached} of {item.other_seeds}; "
            f"p = {item.p:.2g}"
        )
    elif item.criterion.statistic == "success_rate":
        text = f"{counts} ({interval})"
    elif item.criterion.statistic == "best":
        text = f"best seed {_percent(item.value)}; {counts} ({interval})"
    else:
        few = f"of {item.seeds} seeds, too few for an interval"
        text = f"median {_percent(item.value)} " + (f"({interval})" if interval else few)
    is_open = decision and item.verdict == UNDETERMINED
    return text + (f"; {decisive(item.more)}" if is_open else "")


def decisive(more: int | None) -> str:
    """How many more seeds would settle what is undetermined."""
    if more is None:
        return "more seeds with the same outcome would not settle it"
    return f"{more} more seed{plural(more)} with the same outcome would settle it"


def _percent(share: float) -> str:
    return f"{labels.percent(share).removesuffix('.0')} %"


def cell(item: Evidence) -> str:
    """The cell that evidence is of: Recurrent Delta on Parity, 51–100."""
    return _named(item.task, item.model, item.bin)


def _named(task: str, model: str, bin: str | int) -> str:
    strings = labels.lengths(bin) if isinstance(bin, str) else f"bin {bin}"
    return f"{labels.model(model)} on {labels.task(task)}, {strings}"


def reasons(judged: Judgement) -> list[str]:
    """The grounds of a verdict, in a few lines: the cells that decide it, or how many agree."""
    lines = []
    if judged.verdict == CONTRADICTED:
        against = [item for item in judged.evidence if item.verdict == CONTRADICTED]
        lines += [f"{cell(item)}: {found(item)}" for item in against[:SHOWN]]
        if len(judged.evidence) > 1:
            number = f"{len(against)} of {len(judged.evidence)} cells"
            lines.append(f"{number} contradict{_s(against)} it")
    elif len(judged.evidence) == 1:
        lines.append(f"{cell(judged.evidence[0])}: {found(judged.evidence[0])}")
    elif judged.verdict == SUPPORTED:
        lines.append(f"All {len(judged.evidence)} cells are as claimed, {_seeds(judged)}")
    elif judged.verdict == UNDETERMINED:
        lines += _open(judged)
    if judged.missing:
        cells = f"{len(judged.missing)} cell{plural(judged.missing)}"
        lines.append(f"Not in these results: {cells}, such as {_named(*judged.missing[0])}")
    return lines


def _open(judged: Judgement) -> list[str]:
    """Which cells are undecided, which way they lean, and what would settle the claim."""
    items = [item for item in judged.evidence if item.verdict == UNDETERMINED]
    if not items:
        return [f"All {len(judged.evidence)} cells that were run are as claimed, {_seeds(judged)}"]
    against = [item for item in items if not item.as_claimed]
    lines = [f"{cell(item)}: {found(item, decision=False)}" for item in against[:SHOWN]]
    total, verb = len(judged.evidence), "is" if len(items) == 1 else "are"
    if len(items) == total > 1:
        share = f"All {total} cells are undecided, {_seeds(judged)}"
    else:
        share = f"{len(items)} of {total} cells {verb} undecided, {_seeds(judged)}"
    if against:
        lines.append(f"{share}; {len(against)} of these lean{_s(against)} against the claim")
    elif len(items) == 1:
        lines.append(f"{share}; it leans towards the claim")
    else:
        lines.append(f"{share}; all of these lean towards the claim")
    lines.append(decisive(_more(items, against)).capitalize())
    return lines


def _s(items: list) -> str:
    """The ending of a verb whose subject is the items."""
    return "s" if len(items) == 1 else ""


def _more(items: list[Evidence], against: list[Evidence]) -> int | None:
    """How many more seeds with the same outcome would decide an open claim.

    One cell contradicts it; to support it takes all of them.
    """
    if against:
        return min((item.more for item in against if item.more is not None), default=None)
    more = [item.more for item in items if item.more is not None]
    return max(more) if len(more) == len(items) else None


def _seeds(judged: Judgement) -> str:
    seeds = sorted({item.seeds for item in judged.evidence})
    number = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    return f"with {number} seed{plural(seeds[-1])} each"


def verdicts(judgements: Iterable[Judgement], width: int = 100) -> str:
    """Verdicts and their grounds, for a terminal."""
    lines = []
    for judged in judgements:
        first = f"{judged.verdict:<14}{judged.claim.text}"
        for line in (first, *(f"{'':14}→ {reason}" for reason in reasons(judged))):
            lines += textwrap.wrap(line, width, subsequent_indent=" " * 16)
    return "\n".join(lines)
