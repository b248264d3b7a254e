"""Evidence for claims, in words: what was claimed, what was found, what would settle it."""

import math
import textwrap
from collections.abc import Iterable

from fwp.claims.judge import CONTRADICTED, SUPPORTED, UNDETERMINED, Evidence, Judgement
from fwp.claims.sides import MANY
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
    remarks = [searched(item)]
    if decision and item.verdict == UNDETERMINED:
        remarks.append(decisive(item.more))
    return "; ".join(filter(None, [text, *remarks]))


def searched(item: Evidence) -> str:
    """How many settings of a search reach the threshold: "reached by 7 of 24 settings …".

    Empty if there was no search.
    """
    if not item.settings:
        return ""
    total = f"{item.settings} setting{plural(item.settings)}"
    early = f" ({item.settings_pruned} stopped early)" if item.settings_pruned else ""
    if item.settings_reached is None:
        return f"chosen from {total}{early}, none of them validated on these lengths"
    if not item.settings_reached and not item.reached:
        seeds = f"{item.settings_seeds} seed{plural(item.settings_seeds)}"
        return f"reached in none of {total} × {seeds}{early}"
    share = f"{item.settings_reached or 'none'} of {total}{early}"
    if item.reached:
        return f"reached by {share} on validation strings"
    return f"{share} reached it on validation strings, the chosen one does not with fresh seeds"


def decisive(more: int | None) -> str:
    """How many more seeds would settle what is undetermined."""
    if more is None:
        return f"even {MANY} more seeds with the same outcome would not settle it"
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
        (item,) = judged.evidence
        decision = judged.more is not None or not judged.missing
        lines.append(f"{cell(item)}: {found(item, decision)}")
    elif judged.verdict == SUPPORTED:
        lines.append(f"All {len(judged.evidence)} cells are as claimed, {_seeds(judged)}")
    elif judged.verdict == UNDETERMINED:
        lines += _open(judged)
    if judged.missing:
        cells = f"{len(judged.missing)} cell{plural(judged.missing)}"
        lines.append(f"Not in these results: {cells}, such as {_named(*judged.missing[0])}")
    return lines + remarks(judged)


def remarks(judged: Judgement) -> list[str]:
    """What of a verdict its cells do not say: other settings, and seeds that are added."""
    lines = []
    if len(judged.evidence) > 1:
        lines += _settings(judged)
    if judged.anytime:
        lines.append("Also holds if seeds are added until it fits")
    return lines


def _settings(judged: Judgement) -> list[str]:
    """How many settings of a search reach what a claim of several cells is about."""
    items = [item for item in judged.evidence if item.settings]
    known = [item for item in items if item.settings_reached is not None]
    total, alone = len(judged.evidence), len(judged.evidence) - len(items)
    lines = []
    if known:
        lines.append(_reaching(known))
    if len(known) < len(items):
        number = _range(item.settings for item in items if item.settings_reached is None)
        cells = f"{len(items) - len(known)} of {total} cells"
        lines.append(f"{cells}: chosen from {number} settings, none validated on these lengths")
    if items and alone:
        lines.append(f"{alone} of {total} cells: one setting, not searched")
    return lines


def _reaching(items: list[Evidence]) -> str:
    """How many settings reach the threshold in the cells that should, and in those that should not.

    The cells have validation strings of their lengths.
    """
    parts = []
    for should, where in ((True, "they should"), (False, "they should not")):
        group = [item for item in items if (item.criterion.below is None) == should]
        if any(item.settings_reached for item in group):
            reached = _range(item.settings_reached or 0 for item in group)
            parts.append((f"{reached} of {_range(item.settings for item in group)}", where))
        elif group:
            number = _range(item.settings for item in group)
            seeds = _range(item.settings_seeds for item in group)
            plural_seeds = "seed" if seeds == "1" else "seeds"
            parts.append((f"in none of {number} settings × {seeds} {plural_seeds}", where))
    counts = ", ".join(f"{text} where {where}" if parts[1:] else text for text, where in parts)
    most = max(item.settings_pruned for item in items)
    early = f" (up to {most} of them stopped early)" if most else ""
    return f"Settings that reach the threshold on validation strings: {counts}{early}"


def _range(numbers: Iterable[int]) -> str:
    """3 to 24, or 24 if all are equal."""
    found = sorted(set(numbers))
    return f"{found[0]}" if len(found) == 1 else f"{found[0]} to {found[-1]}"


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
    if judged.missing and judged.more is None:
        return lines  # seeds do not settle what was not run
    return [*lines, decisive(judged.more).capitalize()]


def _s(items: list) -> str:
    """The ending of a verb whose subject is the items."""
    return "s" if len(items) == 1 else ""


def _seeds(judged: Judgement) -> str:
    most = max(item.seeds for item in judged.evidence)
    return f"with {_range(item.seeds for item in judged.evidence)} seed{plural(most)} each"


def verdicts(judgements: Iterable[Judgement], width: int = 100) -> str:
    """Verdicts and their grounds, for a terminal."""
    lines = []
    for judged in judgements:
        first = f"{judged.verdict:<14}{judged.claim.text}"
        for line in (first, *(f"{'':14}→ {reason}" for reason in reasons(judged))):
            lines += textwrap.wrap(line, width, subsequent_indent=" " * 16)
    return "\n".join(lines)
