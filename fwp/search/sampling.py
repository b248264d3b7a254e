"""Which settings a search tries: from a grid, at random, quasi-randomly, or by what did well (TPE).

Equal arguments give equal trials on every machine, and no trial depends on how many follow it.
"""

import itertools
import math
import zlib
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from fwp.search.settings import points
from fwp.search.space import Choice, Range, Space, text

BATCH = 8  # trials that TPE proposes at a time; of its first batch all are random
ATTEMPTS = 200  # draws until one is possible and new
MOST_LISTED = 10_000  # points of a space that are looked through where draws find none


class Sampler:
    """Proposes trials and is told how they did.

    No setting is proposed twice. A small space may so have fewer trials than it was asked for.

    Args:
        space: of which settings are drawn.
        method: grid, random, quasi_random or tpe.
        trials: number of trials, at most.
        seed: decides all draws.
        possible: whether a model can have these settings, by dotted key; None if all are possible.
    """

    def __init__(
        self,
        space: Space,
        *,
        method: str,
        trials: int,
        seed: int,
        possible: Callable[[dict], bool] | None = None,
    ):
        if not space:
            raise ValueError("a search needs a space with at least one setting")
        self.space, self.trials, self._method = space, trials, method
        self._possible = possible or (lambda _: True)
        self._random = _Random(space, seed)
        sources = {"grid": _Grid, "random": _Random, "quasi_random": _Sobol, "tpe": _Tpe}
        if method not in sources:
            raise ValueError(f"method must be one of {', '.join(sources)}, got {method!r}")
        self._source: _Source = sources[method](space, seed)
        self._asked: list[dict] = []
        self._texts: set[str] = set()
        self._told: dict[int, float | None] = {}

    def ask(self) -> list[tuple[int, dict]]:
        """The next trials, numbers and settings by dotted key; empty if there are no more.

        Raises:
            ValueError: trials of the batch before are untold, or too few settings are possible.
        """
        begin = len(self._asked)
        if self._method == "tpe":
            if untold := [n for n in range(begin) if n not in self._told]:
                raise ValueError(f"trials must be told before the next batch, untold: {untold}")
            for number in range(begin - min(begin, BATCH), begin):
                self._source.tell(number, self._asked[number], self._told[number])
            end = min(begin + BATCH, self.trials)
        else:
            end = self.trials
        for number in range(begin, end):
            settings = self._next(number)
            if settings is None:
                break
            self._asked.append(settings)
            self._texts.add(text(settings))
        return list(enumerate(self._asked))[begin:]

    def tell(self, number: int, value: float | None) -> None:
        """How well a trial did, the more the better; None if it diverged."""
        if not 0 <= number < len(self._asked):
            raise ValueError(f"trials 0 to {len(self._asked) - 1} were asked, got {number}")
        self._told[number] = value

    def _next(self, number: int) -> dict | None:
        """Settings that are possible and new; None if there are none."""
        for attempt in range(self._source.attempts):
            settings = self._source.draw(number, attempt)
            if settings is None:
                return None
            if self._fits(settings):
                self._source.take(number)
                return settings
        if math.prod(d.count or MOST_LISTED for d in self.space.values()) >= MOST_LISTED:
            raise ValueError(
                f"trial {number}: none of {self._source.attempts} draws from the space is new and "
                "possible; make the space wider, or leave out what cannot be together"
            )
        listed = {key: dimension.listed() for key, dimension in self.space.items()}
        left = [settings for settings in _product(listed) if self._fits(settings)]
        return left[int(self._random.unit("", number, 0) * len(left))] if left else None

    def _fits(self, settings: dict) -> bool:
        return text(settings) not in self._texts and self._possible(settings)


class _Source(Protocol):
    """Where settings come from."""

    attempts: int

    def draw(self, number: int, attempt: int, /) -> dict | None: ...

    def take(self, number: int) -> None:
        """The last draw is the trial of this number."""

    def tell(self, number: int, settings: dict, value: float | None) -> None: ...


class _Random:
    """Every draw has a generator of its own, so that no setting depends on the others."""

    attempts = ATTEMPTS

    def __init__(self, space: Space, seed: int):
        self.space, self.seed = space, seed

    def draw(self, number: int, attempt: int, /) -> dict | None:
        return {key: d.at(self.unit(key, number, attempt)) for key, d in self.space.items()}

    def unit(self, key: str, number: int, attempt: int) -> float:
        """Uniform in [0, 1)."""
        entropy = [self.seed, zlib.crc32(key.encode()), number, attempt]
        return float(np.random.default_rng(entropy).random())

    def take(self, number: int) -> None: ...

    def tell(self, number: int, settings: dict, value: float | None) -> None: ...


class _Grid(_Random):
    """All points, the last setting changing fastest."""

    def __init__(self, space: Space, seed: int):
        super().__init__(space, seed)
        self._points = _product({key: dimension.grid() for key, dimension in space.items()})
        self.attempts = 1 + points(space)

    def draw(self, *_: int) -> dict | None:
        return next(self._points, None)


class _Sobol(_Random):
    """A scrambled Sobol' sequence: it fills the space more evenly than random draws."""

    def __init__(self, space: Space, seed: int):
        from scipy.stats import qmc  # takes a while

        super().__init__(space, seed)
        self._sequence = qmc.Sobol(len(space), rng=np.random.default_rng(seed))

    def draw(self, *_: int) -> dict | None:
        units = self._sequence.random(1)[0]
        pairs = zip(self.space.items(), units, strict=True)
        return {key: dimension.at(float(unit)) for (key, dimension), unit in pairs}


class _Tpe(_Random):
    """A tree-structured Parzen estimator (Bergstra et al. 2011) of Optuna.

    Trials of a batch are drawn as if those before them in it had failed ("constant liar"), which
    keeps them apart.
    """

    def __init__(self, space: Space, seed: int):
        import optuna  # takes a while

        super().__init__(space, seed)
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=1, constant_liar=True)
        self._optuna = optuna
        self._study = optuna.create_study(direction="maximize", sampler=sampler)
        self._distributions = {key: _distribution(d) for key, d in space.items()}
        self._drawn: Any = None
        self._running: dict[int, Any] = {}

    def draw(self, number: int, attempt: int, /) -> dict | None:
        if number < BATCH:
            return super().draw(number, attempt)
        if self._drawn is not None:  # refused
            self._study.tell(self._drawn, state=self._optuna.trial.TrialState.FAIL)
        self._drawn = self._study.ask(self._distributions)
        return {
            key: dimension.values[self._drawn.params[key]]
            if isinstance(dimension, Choice)
            else dimension.nearest(self._drawn.params[key])
            for key, dimension in self.space.items()
        }

    def take(self, number: int) -> None:
        if self._drawn is not None:
            self._running[number], self._drawn = self._drawn, None

    def tell(self, number: int, settings: dict, value: float | None) -> None:
        value = 0.0 if value is None else value  # a run that diverged gets nothing right
        if number in self._running:
            self._study.tell(self._running.pop(number), value)
            return
        params = {
            key: dimension.place(settings[key]) if isinstance(dimension, Choice) else settings[key]
            for key, dimension in self.space.items()
        }
        distributions = self._distributions
        done = self._optuna.trial.create_trial(
            params=params, distributions=distributions, value=value
        )
        self._study.add_trial(done)


def _distribution(dimension: Choice | Range) -> Any:
    """As Optuna has it; of values it gets the places, because it takes no lists."""
    from optuna import distributions

    if isinstance(dimension, Choice):
        return distributions.CategoricalDistribution(tuple(range(len(dimension.values))))
    low, high, log, step = dimension.low, dimension.last, dimension.log, dimension.step
    if dimension.integer:
        return distributions.IntDistribution(int(low), int(high), log, int(step or 1))
    return distributions.FloatDistribution(low, high, log, step)


def _product(values: dict[str, Any]) -> Any:
    """Settings with every combination of the values."""
    for combination in itertools.product(*values.values()):
        yield dict(zip(values, combination, strict=True))
