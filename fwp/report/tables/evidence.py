"""Evidence for claims, in words: what was claimed, what was found, what would settle it."""

import math
import textwrap
from collections.abc import Iterable

from fwp.claims.claim import EVERY, REACH, SCORES
from fwp.claims.judge import CONTRADICTED, NOT_TESTED, SUPPORTED, UNDETERMINED, Evidence, Judgement
from fwp.claims.shares import Share
from fwp.claims.sides import MANY
from fwp.report import labels
from fwp.report.labels import plural

STATISTICS = {
    "success_rate": "success rate",
    "best": "best seed",
    "median": "median",
    "generalisation": "generalisation length",
    "bits_per_byte": "bits per byte",
    "nats_per_token": "nats per token",
    "perplexity": "perplexity per token",
    "excess": "excess in nats per token",
    "bleu": "BLEU",
    "chrf": "chrF",
}
GUESSED = "counted as a uniform guess of bytes"  # diverged runs of texts
UNSCORED = "counted as 0"  # of translations
SHOWN = 3  # cells that a verdict's short reasons name


def claimed(item: Evidence) -> str:
    """What a criterion demands of a cell: "median at least 90 %"."""
    criterion = item.criterion
    name = STATISTICS[criterion.statistic]
    if criterion.than:
        margin = f"by more than {criterion.margin:g} " if criterion.margin else ""
        way = "below" if criterion.lower_than else "above"
        return f"{name} {margin}{way} that of {labels.model(criterion.than)}"
    if criterion.more_than:
        return f"{name} above that of {labels.model(criterion.more_than)}"
    if criterion.further_than:
        return f"{name} above that of {labels.model(criterion.further_than)}"
    limit = f"{criterion.limit:g}" if item.of_means else _percent(criterion.limit)
    if criterion.statistic == REACH:
        limit = f"{criterion.limit:g} symbols"
    return f"{name} {'below' if criterion.at_least is None else 'at least'} {limit}"


def found(item: Evidence, decision: bool = True) -> str:
    """What the seeds of a cell show: "2 of 3 seeds at 100 % (21–94 %)"; what would settle it."""
    remarks = [_diverged(item), searched(item)]
    if decision and item.verdict == UNDETERMINED:
        single = item.of_means and math.isnan(item.low)
        remarks.append("it takes at least 1 more" if single else decisive(item.more))
    of_reach = item.criterion.statistic == REACH
    text = _means(item) if item.of_means else _reach(item) if of_reach else _counts(item)
    return "; ".join(filter(None, [text, *remarks]))


def _means(item: Evidence) -> str:
    """ "2.104 (2.05 to 2.16), 3 seeds", or that against the mean of another model."""
    digits = 1 if item.criterion.statistic in SCORES else 3
    own, low, high = (f"{x:.{digits}f}" for x in (item.value, item.low, item.high))
    seeds, few = f"{item.seeds} seed{plural(item.seeds)}", math.isnan(item.low)
    if not item.other:
        return f"{own} ({'a single seed has no interval' if few else f'{low} to {high}'}), {seeds}"
    others = f"{item.other_seeds} seed{plural(item.other_seeds)}"
    text = f"{own} against {item.other_value:.{digits}f} of {labels.model(item.other)}"
    text = f"{text} ({seeds} and {others})"
    if few:
        return f"{text}; a single seed has no interval"
    lead = f"difference {item.difference:+.{digits}f} ({low} to {high})".replace("-", "−")
    return f"{text}; {lead}; p = {item.p:.2g}"


def _reach(item: Evidence) -> str:
    """ "median 1000 symbols (980–1000), 10 seeds", or that against another model."""
    own, seeds = f"{item.value:g}", f"{item.seeds} seed{plural(item.seeds)}"
    if item.other:
        others = f"{item.other_seeds} seed{plural(item.other_seeds)}"
        text = f"median {own} symbols against {item.other_value:g} of {labels.model(item.other)}"
        return f"{text} ({seeds} and {others}); p = {item.p:.2g}"
    few = math.isnan(item.low)
    interval = "too few for an interval" if few else f"{item.low:g}–{item.high:g}"
    return f"median {own} symbols ({interval}), {seeds}"


def shared(one: Share) -> str:
    """How many cells of a claim on a share are as claimed."""
    criterion, parts = one.criterion, []
    for number, what in (
        (one.contradicted, "not"),
        (one.undetermined, "undecided"),
        (one.missing, "not run"),
    ):
        parts += [f"{number} {what}"] if number else []
    way = "below" if criterion.share_at_least is None else "at least"
    rest = f" ({', '.join(parts)})" if parts else ""
    cells = f"{one.supported} of {one.cells} cells are as claimed{rest}"
    return f"{cells}; the claim is {way} {_percent(criterion.share_limit)}"


def _diverged(item: Evidence) -> str:
    """Which runs of texts have no loss, and what they count as."""
    parts = [
        f"{number} of {seeds} seeds of {labels.model(name)} diverged"
        for number, seeds, name in (
            (item.diverged, item.seeds, item.model),
            (item.other_diverged, item.other_seeds, item.other or ""),
        )
        if number
    ]
    rule = UNSCORED if item.criterion.statistic in SCORES else GUESSED
    return f"{', '.join(parts)}, {rule}" if parts else ""


def _counts(item: Evidence) -> str:
    """How many seeds reach a threshold, or their median, with its interval."""
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
    return text


def searched(item: Evidence) -> str:
    """How many settings of a search reach the threshold: "reached by 7 of 24 settings …".

    Empty if there was no search.
    """
    if not item.settings:
        return ""
    total = f"{item.settings} setting{plural(item.settings)}"
    early = f" ({item.settings_pruned} stopped early)" if item.settings_pruned else ""
    if not _at_lengths(item):
        return f"chosen from {total}{early}"
    if item.settings_reached is None:
        return f"chosen from {total}{early}, none of them validated on these lengths"
    if not item.settings_reached and not item.reached:
        seeds = f"{item.settings_seeds} seed{plural(item.settings_seeds)}"
        return f"reached in none of {total} × {seeds}{early}"
    share = f"{item.settings_reached or 'none'} of {total}{early}"
    if item.reached:
        return f"reached by {share} on validation strings"
    return f"{share} reached it on validation strings, the chosen one does not with fresh seeds"


def _at_lengths(item: Evidence) -> bool:
    """Whether it is about strings of some lengths, which may be those of validation strings."""
    return not item.of_means and item.criterion.statistic != REACH


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
    strings = f"bin {bin}" if isinstance(bin, int) else bin.replace("-", "–")
    if isinstance(bin, str) and bin[0].isdigit():
        strings = labels.lengths(bin)
    place = "any task" if task == EVERY else labels.task(task)
    return f"{labels.model(model)} on {place}, {strings}"


def reasons(judged: Judgement) -> list[str]:
    """The grounds of a verdict, in a few lines: the cells that decide it, or how many agree."""
    if judged.shares:
        return _of_shares(judged)
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


def _of_shares(judged: Judgement) -> list[str]:
    """How many cells are as claimed; with these, cells that contradict a further criterion."""
    rest = [item for item in judged.evidence if not item.criterion.is_of_share]
    against = [item for item in rest if item.verdict == CONTRADICTED]
    cells = [f"{cell(item)}: {found(item)}" for item in against[:SHOWN]]
    return [*map(shared, judged.shares), *cells, *_settings(judged)]


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
    for at_lengths, rest in ((True, ", none validated on these lengths"), (False, "")):
        unknown = [i for i in items if i.settings_reached is None and _at_lengths(i) == at_lengths]
        if unknown:
            number = _range(item.settings for item in unknown)
            cells = f"{len(unknown)} of {total} cells"
            lines.append(f"{cells}: chosen from {number} settings{rest}")
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
    """Verdicts and their grounds, for a terminal; of many claims not tested, only their number."""
    judgements, lines = list(judgements), []
    tested = [judged for judged in judgements if judged.verdict != NOT_TESTED]
    untested = len(judgements) - len(tested)
    folded = bool(tested) and untested > SHOWN
    for judged in tested if folded else judgements:
        first = f"{judged.verdict:<14}{judged.claim.text}"
        for line in (first, *(f"{'':14}→ {reason}" for reason in reasons(judged))):
            lines += textwrap.wrap(line, width, subsequent_indent=" " * 16)
    if folded:
        text = f"{untested} claims, on models or tasks that are not in these results"
        lines += textwrap.wrap(f"{NOT_TESTED:<14}{text}", width, subsequent_indent=" " * 16)
    return "\n".join(lines)
