"""Claims: statements about models and tasks, with the criteria that decide whether they hold.

A file of claims is YAML (`schema.yaml` describes every key). Those of papers are in `library/` and
are named without folder and suffix (`irie2023`); a user's own are named by path. Models and tasks
are those of the config, by name. `fwp.claims.judge` compares them with results.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fwp.config import schema
from fwp.config.messages import ConfigError, show
from fwp.config.parsing import load
from fwp.utils.source import is_file
from fwp.utils.suggest import suggestion

LIBRARY = Path(__file__).with_name("library")
SCHEMA = Path(__file__).with_name("schema.yaml")
EVERY = "*"
"""In place of tasks: every language, text or translation of the results. Of models: every one."""
LOSSES = ("bits_per_byte", "nats_per_token", "perplexity", "excess")
"""Statistics of texts."""
REACH = "generalisation"
"""The statistic of generalisation lengths."""
SCORES = ("bleu", "chrf")
"""Statistics of translations."""
MEANS = LOSSES + SCORES
"""Statistics that are judged by means over seeds."""


@dataclass(frozen=True)
class Criterion:
    """What has to hold for each of `models` on each of `bins` or places of each of `tasks`.

    Attributes:
        bins: by lengths ("51-100") or by number among those of the task (0 for the shortest).
        statistic: "median" or "best" of the seeds' sequence accuracies, or "success_rate"; or
            `REACH`, the median of their generalisation lengths; or the mean of one of `LOSSES` or
            `SCORES`.
        accuracy: the sequence accuracy from which a seed is a success.
        at_least, below: threshold of the statistic; one of them, or
        more_than: the model that is claimed to have a lower success rate, or
        lower_than, higher_than: the model whose mean is claimed to be higher, or lower,
        margin: by more than this.
        further_than: the model that is claimed to generalise less far.
        groups: if tasks are `EVERY`, those of these groups alone.
        share_at_least, share_below: if given, the criterion need not hold in all cells, but in at
            least, or in less than, this share of them.
        positions: of a text: "context", "beyond", "all", or a range such as "257-4096".
        decoding: of a translation: "greedy" or "beam".
    """

    models: tuple[str, ...]
    tasks: tuple[str, ...]
    bins: tuple[int | str, ...]
    statistic: str
    accuracy: float = 1.0
    at_least: float | None = None
    below: float | None = None
    more_than: str | None = None
    positions: tuple[str, ...] = ()
    decoding: str = "beam"
    lower_than: str | None = None
    higher_than: str | None = None
    margin: float = 0.0
    further_than: str | None = None
    groups: tuple[str, ...] = ()
    share_at_least: float | None = None
    share_below: float | None = None

    @property
    def is_of_share(self) -> bool:
        """Whether it is about a share of its cells."""
        return self.share_at_least is not None or self.share_below is not None

    @property
    def share_limit(self) -> float:
        """What the share of cells is compared with; NaN if there is none."""
        limit = self.share_below if self.share_at_least is None else self.share_at_least
        return math.nan if limit is None else limit

    @property
    def places(self) -> tuple[str, ...]:
        """Of texts, positions; of translations, how they are decoded."""
        return self.positions if self.statistic in LOSSES else (self.decoding,)

    @property
    def than(self) -> str | None:
        """The model whose mean is compared with."""
        return self.lower_than or self.higher_than

    @property
    def difference(self) -> float:
        """What the difference of the means is compared with."""
        return -self.margin if self.lower_than else self.margin

    @property
    def is_upward(self) -> bool:
        """Whether the claim is that something is large."""
        return self.below is None and self.lower_than is None

    @property
    def limit(self) -> float:
        """What the statistic is compared with; NaN if it is another model's."""
        limit = self.below if self.at_least is None else self.at_least
        return math.nan if limit is None else limit


@dataclass(frozen=True)
class Claim:
    """A claim, which holds if all its criteria do.

    Attributes:
        name: its identifier.
        text: the claim in words.
        source: where it is from; may be empty.
        confidence: of the intervals by which it is judged.
    """

    name: str
    text: str
    source: str
    confidence: float
    criteria: tuple[Criterion, ...]


def library_names() -> list[str]:
    """Names of the files in the library, sorted."""
    return sorted(path.stem for path in LIBRARY.glob("*.yaml"))


def locate(name: str, folders: Iterable[str | Path] = (Path(),)) -> Path:
    """The file of claims that `name` stands for in a config.

    Args:
        name: of a file in the library, or a path.
        folders: where a path may begin, the first that has the file wins.

    Raises:
        ConfigError: there is no such file.
    """
    if name in library_names():
        return LIBRARY / f"{name}.yaml"
    found = next((p for folder in folders if is_file(p := Path(folder) / name)), None)
    if found is None:
        known = library_names()
        rule = f"must be one of {', '.join(known)} or a file{suggestion(name, known)}"
        raise ConfigError([f"{rule}, got {show(name)}"], "claims")
    return found


def read_claims(paths: Sequence[str | Path]) -> list[Claim]:
    """The claims in some files, in order.

    Raises:
        ConfigError: with every mistake in the first file that has any.
    """
    claims: dict[str, Claim] = {}
    for path in map(Path, paths):
        content, problems = schema.check(load(path), SCHEMA)
        problems += _inconsistent(content)
        found = {} if problems else content["claims"]
        problems += [f"claims.{name}: is in two of the files" for name in found if name in claims]
        if problems:
            raise ConfigError(problems, str(path))
        for name, entry in found.items():
            claims[name] = Claim(
                name,
                " ".join(entry["text"].split()),
                entry.get("source", content.get("source", "")),
                content.get("confidence", 0.95),
                tuple(map(_criterion, entry["criteria"])),
            )
    return list(claims.values())


def _criterion(entry: dict) -> Criterion:
    usual = {"positions": "context"} if entry["statistic"] in LOSSES else {}
    usual |= {"bin": [] if entry["statistic"] in (*MEANS, REACH) else 1}
    entry = usual | entry
    keys = ("models", "tasks", "bin", "positions", "groups")
    lists = {key: _as_tuple(entry.pop(key)) for key in keys if key in entry}
    lists["bins"] = lists.pop("bin")
    return Criterion(**lists, **entry)


def _as_tuple(value: object) -> tuple:
    return tuple(value) if isinstance(value, list) else (value,)


_ONLY = {
    "accuracy": ("success_rate",),
    "more_than": ("success_rate",),
    "bin": ("median", "best", "success_rate"),
    "positions": LOSSES,
    "decoding": SCORES,
    "lower_than": MEANS,
    "higher_than": MEANS,
    "margin": MEANS,
    "further_than": (REACH,),
}
"""Statistics that a key is for."""


def _inconsistent(content: dict) -> Iterator[str]:
    """Keys that are only for some statistics, and numbers that theirs cannot have."""
    for name, claim in content.get("claims", {}).items():
        for i, criterion in enumerate(claim.get("criteria", [])):
            for line in _faults(criterion):
                yield f"claims.{name}.criteria[{i}].{line}"


def _faults(criterion: dict) -> Iterator[str]:
    statistic = criterion.get("statistic")
    for key, statistics in _ONLY.items():
        if key in criterion and statistic is not None and statistic not in statistics:
            yield f"{key}: only with statistic: {', '.join(statistics)}"
    for key in ("at_least", "below"):
        if statistic not in (None, *MEANS, REACH) and criterion.get(key, 0) > 1:
            yield f"{key}: must be at most 1, got {show(criterion[key])}"
    if "groups" in criterion and EVERY not in _as_tuple(criterion.get("tasks", ())):
        yield 'groups: only with tasks: "*"'
    if {"share_at_least", "share_below"} <= criterion.keys():
        yield "share_below: not with share_at_least, which is about the same share"
    if "margin" in criterion and not {"lower_than", "higher_than"} & criterion.keys():
        yield "margin: only with lower_than or higher_than"
    for place in _as_tuple(criterion.get("positions", ())):
        first, dash, last = str(place).partition("-")
        if dash and int(last) < int(first):
            yield f"positions: must begin before they end, got {place}"
