"""One model on one task: what it reached, its settings, and its trained models to call."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pandas as pd

from fwp.results.integrity import ResultsError
from fwp.results.mistakes import mistakes_frame
from fwp.results.record import read_record, weights_hash
from fwp.results.statistics import by_bin

if TYPE_CHECKING:
    from torch import Tensor

    from fwp.models.sequence_model import SequenceModel
    from fwp.training.kind import Data


class Source(Protocol):
    """The results that a cell is of, all frames or paths."""

    @property
    def accuracy(self) -> pd.DataFrame:
        """Per run × bin, and per run × length."""
        ...

    @property
    def history(self) -> pd.DataFrame:
        """Per run × epoch."""
        ...

    @property
    def text_history(self) -> Any:  # a cached property is no plain one to a type checker
        """The same of texts and translations."""
        ...

    @property
    def tables(self) -> Path:
        """The folder of the tables."""
        ...

    @property
    def cells_folder(self) -> Path:
        """The folder of all cells."""
        ...


class CellResults:
    """A cell of an experiment's results: `results.cell(task, model)`.

    Attributes:
        task, name: of the task and of the model, as in the config.
        runs: a row per seed.
    """

    def __init__(self, results: Source, task: str, name: str, runs: pd.DataFrame):
        self._results = results
        self.task, self.name, self.runs = task, name, runs.reset_index(drop=True)
        self._models: dict[int, SequenceModel] = {}

    @property
    def seeds(self) -> list[int]:
        """The seeds that were trained."""
        return self.runs["seed"].tolist()

    @cached_property
    def accuracy(self) -> pd.DataFrame:
        """Its rows of `results.accuracy`."""
        return self._own(self._results.accuracy)

    @cached_property
    def history(self) -> pd.DataFrame:
        """Its rows of `results.history`, or of a text's."""
        history = self._own(self._results.history)
        return history if len(history) else self._own(self._results.text_history)

    @cached_property
    def mistakes(self) -> pd.DataFrame:
        """Its rows of `results.mistakes`; `fwp.show_mistake(row)` shows one."""
        return mistakes_frame(self._results.cells_folder, self.runs)

    @cached_property
    def settings(self) -> pd.Series:
        """Every resolved setting by its name, such as training.learning_rate."""
        from fwp.results.settings import settings

        row = settings([self.folder(self.seeds[0])]).iloc[0].drop(["task", "model"])
        return row.rename(f"{self.name} on {self.task}")

    def folder(self, seed: int) -> Path:
        """Where the weights and records of a seed lie.

        Raises:
            ResultsError: it was not trained, or the folder `cells` is missing.
        """
        own = self.runs.loc[self.runs["seed"] == seed, "cell"]
        if own.empty:
            known = ", ".join(map(str, self.seeds))
            raise ResultsError(f"{self.name} on {self.task} has the seeds {known}, not {seed}")
        return self._results.cells_folder / own.iloc[0]

    @cached_property
    def dataset(self) -> "Data":
        """The test data, which says what symbols and classes are called.

        Raises:
            DatasetError: its file is missing or damaged.
        """
        from fwp.experiment.cell import TrainedCell
        from fwp.training.kind import load_evaluation

        task = TrainedCell.from_dict(self._record(self.seeds[0])["config"]).task
        return load_evaluation(task).load(
            self._results.tables.parent / "data" / self.task / "test.npz", task
        )

    def model(self, seed: int) -> "SequenceModel":
        """The trained model of a seed, on the CPU and in evaluation mode.

        `logits, state = model(tokens)`: tokens int64 [strings, symbols], logits [strings, symbols,
        classes]. `encode` makes tokens, `decode` reads logits.

        Raises:
            ResultsError, WeightsError, DatasetError: a file is missing or damaged.
        """
        from fwp.experiment.cell import TrainedCell
        from fwp.models.weights import load_trained_model

        record = self._record(seed)
        cell = TrainedCell.from_dict(record["config"])
        path = self.folder(seed) / "model.safetensors"
        sha256 = weights_hash(record)
        model = load_trained_model(
            cell.model, self.dataset, path, seed=seed, dtype=cell.dtype, sha256=sha256
        )
        return model.eval()

    def encode(self, string: str | Sequence[str]) -> "Tensor":
        """Tokens of a string, int64 [1, symbols].

        Args:
            string: symbols in a list, or a text; one with spaces between the symbols where some
                have more than one character.

        Raises:
            ValueError: a symbol is none of the task's.
        """
        import torch

        alphabet = list(self.dataset.alphabet)
        symbols = self._symbols(string)
        for place, symbol in enumerate(symbols):
            if symbol not in alphabet:
                raise ValueError(
                    f"position {place} (from 0): {symbol!r} is no symbol of {self.task}; its "
                    f"symbols are {' '.join(alphabet)}"
                )
        return torch.tensor([[alphabet.index(symbol) for symbol in symbols]])

    def decode(self, logits: "Tensor") -> list[list[str]]:
        """Names of the most likely classes, for logits [strings, symbols, classes]."""
        classes = list(self.dataset.classes)
        return [[classes[k] for k in own] for own in logits.argmax(-1).tolist()]

    def predict(self, seed: int, string: str | Sequence[str]) -> pd.DataFrame:
        """What the model of a seed says at each position of a string.

        Args:
            string: as for `encode`.

        Returns:
            A row per position (from 0): symbol, target (the right class; missing where there is
            none, or if the string is not of the language), predicted, and probability, of the
            predicted class.

        Raises:
            ValueError: the string is empty, or a symbol is none of the task's.
        """
        import torch

        self._require_strings()
        tokens = self.encode(string)
        if not tokens.numel():
            raise ValueError("the string must hold at least one symbol, got an empty one")
        if seed not in self._models:
            self._models[seed] = self.model(seed)
        with torch.no_grad():
            logits, _ = self._models[seed](tokens)
        symbols = self._symbols(string)
        return pd.DataFrame(
            {
                "symbol": symbols,
                "target": self._targets(symbols),
                "predicted": self.decode(logits)[0],
                "probability": logits[0].softmax(-1).amax(-1).tolist(),
            }
        ).rename_axis("position")

    def _targets(self, symbols: list[str]) -> list[str | None]:
        """Right classes by the rules of the language, if it knows this string."""
        from fwp import languages
        from fwp.datasets.recognition.task import RECOGNITION, language_of

        data: Any = self.dataset
        try:
            if data.language == RECOGNITION:
                inside = language_of(data.params).contains("".join(symbols))
                return [*[None] * (len(symbols) - 1), data.classes[inside]]
            language = languages.get(data.language, **data.params)
            labels = language.label("".join(symbols))
        except (ValueError, ImportError, OSError):  # no such language here, or not a string of it
            return [None] * len(symbols)
        return [data.classes[k] if k >= 0 else None for k in labels]

    def _symbols(self, string: str | Sequence[str]) -> list[str]:
        if not isinstance(string, str):
            return list(string)
        single = all(len(symbol) == 1 for symbol in self.dataset.alphabet)
        return [c for c in string if not c.isspace()] if single else string.split()

    def _require_strings(self) -> None:
        if self._own(self._results.accuracy).empty:
            raise ValueError(f"{self.task} is no task of strings; `cell.model(seed)` reads tokens")

    def _record(self, seed: int) -> dict:
        return read_record(self.folder(seed) / "cell.json")

    def _own(self, frame: pd.DataFrame) -> pd.DataFrame:
        own = frame[(frame["task"] == self.task) & (frame["model"] == self.name)]
        return own.reset_index(drop=True)

    def __repr__(self) -> str:
        """Seeds, how they ended, and the mean accuracy of each bin."""
        ended = self.runs["status"].value_counts()
        counts = ", ".join(f"{n} {status}" for status, n in ended.items() if n)
        text = f"{self.name} on {self.task}: seeds {', '.join(map(str, self.seeds))} ({counts})"
        if self.accuracy.empty:
            return text
        means = by_bin(self.accuracy).groupby("bin", observed=True)["sequence_accuracy"].mean()
        shown = ", ".join(f"{bin}: {value:.1%}" for bin, value in means.items())
        return f"{text}; sequence accuracy {shown}"
