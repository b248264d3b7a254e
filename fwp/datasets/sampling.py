"""Drawing a dataset: strings of a language, shared out to training, validation and test.

In every window the possible lengths get equal numbers of strings, as far as there are so many. No
string occurs twice in a set, and no two sets of different kinds share a string. A string itself
decides which kind of set may hold it, see `fwp.datasets.pools`: of a length that training or
validation wants, a quarter of the strings is for test alone. So every length is tested, and no
setting of the test sets, neither windows nor counts, changes a training or validation string.

A language that has at most three strings of every training length cannot be shared out like that
(the unary and counter languages have one). There the test and validation sets hold every string, or
as many as asked for, and the training set repeats the strings of its window, each length equally
often: the sets overlap, and the dataset card says so.

Every length of every set has a random stream of its own, derived from the seed, the language, its
parameters and the kind of set. The name of the task plays no part.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import numpy as np

from fwp import languages
from fwp.datasets.dataset import Dataset, Split
from fwp.datasets.pools import Pool, pool_size
from fwp.datasets.spec import DatasetSpec
from fwp.languages import Language
from fwp.utils.bins import Bin

Shares = dict[str, dict[Bin, dict[int, int]]]
"""Kind of set -> window -> length -> number of strings."""

KINDS = ("train", "validation", "test")
FEW = 3  # strings of a length that are too few to be shared out
ROUNDS = 8  # of draws from the language's own distribution, before uniform choice fills a set


def build_dataset(spec: DatasetSpec, kinds: Sequence[str] = KINDS) -> Dataset:
    """Draw the sets of a task; the same spec gives the same bits.

    Args:
        spec: what to draw.
        kinds: train, validation, test: of which kind. The others make no difference to these.

    Raises:
        ValueError: `plan` refuses the spec, or a set would be left without strings.
    """
    language, shares = plan(spec, kinds)
    task, seed = spec.task, (spec.seed, spec.task.language, dict(spec.task.params))
    splits: dict[str, Split] = {}
    for kind, window, strings in draw_sets(language, spec, shares, seed):
        name = kind if kind == "train" else f"{kind} {window}"
        if kind == "train":
            order = stream(*seed, "order").permutation(len(strings))
            strings = [strings[i] for i in order]
        splits[name] = _split(language, name, str(window), strings)
    return Dataset(
        task=task.name,
        language=task.language,
        params=dict(task.params),
        alphabet=tuple(language.alphabet),
        classes=tuple(language.classes),
        splits=splits,
        spec=json.loads(json.dumps(spec.as_dict())),
    )


def draw_sets(
    language: Language, spec: DatasetSpec, shares: Shares, seed: tuple, *use: str
) -> Iterator[tuple[str, Bin, list[str]]]:
    """Kind, window and strings of each set, by ascending length.

    Args:
        language: that the strings are drawn from.
        spec: whose windows decide which sets compete for a length.
        shares: as `share_out` gives them.
        seed: of all streams: the seed, and what identifies the strings.
        use: what else the streams are for.
    """
    repeats = holds_few(language, spec)
    for kind, windows in shares.items():
        for window, numbers in windows.items():
            strings: list[str] = []
            for length, number in numbers.items():
                if repeats and kind == "train":
                    every = list(language.strings(length))
                    strings += [every[i % len(every)] for i in range(number)]
                else:
                    own = () if repeats else owners(spec, length)
                    pool = Pool(language, length, kind, own, key(*seed, length))
                    strings += _draw_distinct(pool, stream(*seed, kind, length, *use), number)
            yield kind, window, strings


def plan(
    spec: DatasetSpec, kinds: Sequence[str] = KINDS, language: Language | None = None
) -> tuple[Language, Shares]:
    """Return the language and who gets what: kind of set -> window -> length -> number of strings.

    Args:
        spec: what to draw.
        kinds: train, validation, test: of which kind.
        language: that of the spec, if it was made before.

    ValueError, one line, for windows and counts that make no sense, for a window that holds no
    string of the language and for a set that would be left without strings.
    """
    language = language or languages.get(spec.task.language, **spec.task.params)
    return language, share_out(language, spec, kinds)


def share_out(language: Language, spec: DatasetSpec, kinds: Sequence[str] = KINDS) -> Shares:
    """Who gets what of a language; see `plan`."""
    repeats = holds_few(language, spec)
    shared = [range(low, high + 1) for low, high in (*spec.train.bins, *spec.validation.bins)]
    owning = {length: owners(spec, length) for lengths in shared for length in lengths}

    def available(kind: str, length: int) -> int:
        total = language.count_capped(length)
        if repeats:
            return spec.train.count if kind == "train" else total
        return pool_size(total, kind, owning.get(length, ()))

    shares: Shares = {}
    for kind in (kind for kind in KINDS if kind in kinds):
        count = getattr(spec, kind).count
        if not isinstance(count, int) or isinstance(count, bool) or count < 1:
            raise ValueError(
                f"{kind}: the number of strings is a whole number of at least 1, got {count!r}"
            )
        shares[kind] = {}
        for window in _windows(spec, kind):
            lengths = _lengths(language, kind, window)
            room = [min(count, available(kind, length)) for length in lengths]
            numbers = {n: k for n, k in zip(lengths, spread(count, room), strict=True) if k}
            if not numbers:
                raise ValueError(
                    f"{kind} {window}: no string is left for this set, {language.name} has too "
                    "few of these lengths to share out; widen the window"
                )
            shares[kind][window] = numbers
    return shares


def holds_few(language: Language, spec: DatasetSpec) -> bool:
    """Whether the training window has too few strings of each length to share them out."""
    lengths = _lengths(language, "train", *_windows(spec, "train"))
    return all(language.count_capped(length) <= FEW for length in lengths)


def spread(count: int, room: list[int]) -> list[int]:
    """Share `count` out over places as evenly as possible, at most `room[i]` to place i.

    What does not divide evenly goes to places that lie evenly apart.
    """
    shares = [0] * len(room)
    while count > 0:
        free = [i for i, most in enumerate(room) if shares[i] < most]
        if not free:
            break
        each = count // len(free)
        if each == 0:
            free = [free[(2 * i + 1) * len(free) // (2 * count)] for i in range(count)]
            each = 1
        for i in free:
            given = min(each, room[i] - shares[i])
            shares[i] += given
            count -= given
    return shares


def _windows(spec: DatasetSpec, kind: str) -> list[Bin]:
    windows = [Bin(*window) for window in getattr(spec, kind).bins]
    if not windows:
        raise ValueError(f"{kind}: at least one bin is needed, got none")
    for first, second in pairwise(sorted(windows)):
        if second.shortest <= first.longest:
            raise ValueError(f"{kind}: bins must not overlap, got {first} and {second}")
    return windows


def _lengths(language: Language, kind: str, window: Bin) -> list[int]:
    """The possible lengths of a window; ValueError if there are none."""
    try:
        return language.lengths(*window) or language.no_strings(*window)
    except ValueError as error:
        raise ValueError(f"{kind} {window}: {error}") from None


def owners(spec: DatasetSpec, length: int) -> tuple[str, ...]:
    """The kinds of sets among which the strings of a length are shared out.

    Test is one of them wherever training or validation is, asked for or not: so it may come later.
    """
    owners = tuple(
        kind
        for kind in ("train", "validation")
        if any(low <= length <= high for low, high in getattr(spec, kind).bins)
    )
    return ("test", *reversed(owners)) if owners else ()


def _draw_distinct(pool: Pool, rng: np.random.Generator, number: int) -> list[str]:
    """Draw `number` different strings of a pool.

    Strings come from the language's own distribution, repetitions left out; what that hardly ever
    yields is chosen uniformly from the rest.
    """
    found: dict[str, None] = {}
    language, length = pool.language, pool.length

    def keep(strings: Iterable[str]) -> int:
        """Keep what is new and return how many are missing yet."""
        for string in strings:
            if len(found) < number and string not in found and string in pool:
                found[string] = None
        return number - len(found)

    missing = number
    for _ in range(ROUNDS):
        if missing:
            missing = keep(language.draw(rng, length, pool.draws(missing)))
    # Guessing gets slow where more than half of what is left is wanted: list it instead.
    if missing and pool.size - len(found) <= 2 * missing:
        rest = [string for string in language.strings(length) if string in pool]
        rest = [string for string in rest if string not in found]
        missing = keep([rest[i] for i in rng.permutation(len(rest))])
    while missing:
        missing = keep(language.draw_uniform(rng, length, pool.draws(missing)))
    return list(found)


def stream(seed: int, language: str, params: dict, *use: str | int) -> np.random.Generator:
    """The random stream of one use, such as ("test", 40): the test strings of 40 symbols."""
    digest = hashlib.sha256(key(seed, language, params, *use)).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest, "big")))


def key(*parts) -> bytes:
    """Text that stands for seed, language and so on."""
    return json.dumps(parts, sort_keys=True).encode()


def _split(language: Language, name: str, window: str, strings: list[str]) -> Split:
    offsets = np.cumsum([0, *map(len, strings)], dtype=np.int64)
    tokens = language.encode("".join(strings))
    return Split(name, window, tokens, language.targets(tokens, offsets), offsets)
