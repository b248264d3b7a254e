"""A text: at every position the next token is predicted, on windows of the training context."""

from pathlib import Path

from fwp.datasets.spec import DatasetSpec, TaskSettings
from fwp.datasets.text.dataset import TextDataset, load_text
from fwp.training.windows import WindowEvaluator, Windows
from fwp.utils.bins import Bin, probability_column


def load(
    path: str | Path, task: TaskSettings | None = None, spec: DatasetSpec | None = None
) -> TextDataset:
    """Training and validation text.

    Raises:
        DatasetError: the file is not what was asked for.
    """
    return load_text(path, task, spec=spec, kinds=("train", "validation"))


def training(dataset: TextDataset, device: str) -> Windows:
    """What is trained on."""
    params = dataset.params
    return Windows(
        dataset.splits["train"].tokens,
        context=params["context"],
        count=params["windows"],
        device=device,
    )


def evaluators(dataset: TextDataset, *, device: str, models: int) -> list[WindowEvaluator]:
    """What the loss is measured on."""
    params = dataset.params
    return [
        WindowEvaluator(
            dataset.splits["validation"].tokens,
            context=params["context"],
            most=params["validation_windows"],
            classes=len(dataset.classes),
            device=device,
            models=models,
        )
    ]


def columns(dataset: TextDataset) -> list[str]:
    """Columns of the history that hold what the evaluators measure."""
    return [probability_column(Bin(1, dataset.params["context"]))]
