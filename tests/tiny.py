"""A tiny task, cells of it, and one model's training, for tests that train."""

from fwp.training.train import train

SPEC = {
    "name": "parity",
    "language": "parity",
    "params": {},
    "seed": 0,
    "train": {"min_length": 2, "max_length": 12, "count": 300},
    "validation": {"bins": [[2, 12], [13, 20]], "count": 40},
    "test": {"bins": [[2, 12], [13, 20]], "count": 40},
}


def cell(**training):
    defaults = {"epochs": 2, "batch_size": 64, "learning_rate": 1e-2, "dtype": "float32"}
    return {
        "model": {"name": "net", "mixer": "elstm", "hidden": 8, "layers": 1, "feed_forward": 4},
        "task": {"name": "parity", "language": "parity", "params": {}},
        "training": defaults | training,
    }


def alone(model, data, *, seed=0, on_epoch=None, **settings):
    """Train one model as a pack of its own."""
    tell = None if on_epoch is None else lambda _, row: on_epoch(row)
    (run,) = train([model], data, seeds=[seed], on_epoch=tell, **settings)
    return run
