"""A tiny task, cells and models of it, and their training, for tests that train."""

from dataclasses import replace

from fwp.datasets.sampling import build_dataset
from fwp.datasets.spec import DatasetSpec, TaskSettings
from fwp.experiment.cell import Cell
from fwp.experiment.resolve import model_settings, training_settings
from fwp.models.sequence_model import build_model
from fwp.training import train as training

SPEC = {
    "name": "parity",
    "language": "parity",
    "params": {},
    "seed": 0,
    "train": {"min_length": 2, "max_length": 12, "count": 300},
    "validation": {"bins": [[2, 12], [13, 20]], "count": 40},
    "test": {"bins": [[2, 12], [13, 20]], "count": 40},
}
MODEL, TRAINING = model_settings("elstm"), training_settings()


def draw(**changes):
    """The dataset of the task, or of one with changes."""
    return build_dataset(DatasetSpec.from_dict(SPEC | changes))


def model(mixer="elstm", *, options=(), **sizes):
    """Settings of a model; unlike those of a config they may be wrong."""
    return replace(MODEL, mixer=mixer, options=dict(options), **sizes)


def net(data, mixer="elstm", *, seed=0, dtype="float32", **settings):
    return build_model(model(mixer, **settings), data, seed=seed, dtype=dtype)


def settings(**changes):
    """Settings of a training run; unlike those of a config they may be wrong."""
    return replace(TRAINING, **changes)


def cell(mixer="elstm", *, language="parity", params=(), **changes):
    changes = {"epochs": 2, "batch_size": 64, "learning_rate": 1e-2} | changes
    return Cell(
        model(mixer, name="net", hidden=8),
        TaskSettings("parity", language, dict(params)),
        settings(**changes),
        {},
    )


def train(models, data, *, seeds, device="cpu", on_epoch=None, **changes):
    own = settings(**changes)
    return training.train(models, data, own, seeds=seeds, device=device, on_epoch=on_epoch)


def alone(model, data, *, seed=0, on_epoch=None, **changes):
    """Train one model as a pack of its own."""
    tell = None if on_epoch is None else lambda _, row: on_epoch(row)
    (run,) = train([model], data, seeds=[seed], on_epoch=tell, **changes)
    return run
