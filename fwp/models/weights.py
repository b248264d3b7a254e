"""Weights of trained models: one safetensors file holds those of several seeds."""

from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from fwp.config.settings import ModelSettings
from fwp.datasets.dataset import Dataset
from fwp.models.sequence_model import SequenceModel, build_model
from fwp.utils.files import atomic


class WeightsError(ValueError):
    """A weights file that cannot be used; the message says which and why."""


def write_weights(path: str | Path, weights: dict[int, dict[str, Tensor]]) -> None:
    """Write the weights {seed: {parameter: tensor}} under the names `seed-<seed>/<parameter>`."""
    flat = {
        f"seed-{seed}/{name}": tensor.detach().cpu().contiguous()
        for seed, parameters in weights.items()
        for name, tensor in parameters.items()
    }
    with atomic(path) as temporary:
        temporary.write_bytes(save(flat))


def read_weights(path: str | Path, seed: int) -> dict[str, Tensor]:
    """The weights of one seed, {parameter: tensor}; the other seeds' are not read.

    Raises:
        WeightsError: the file is missing or damaged, or does not hold this seed.
    """
    prefix = f"seed-{seed}/"
    try:
        with safe_open(path, framework="pt") as file:
            names = list(file.keys())
            weights = {n[len(prefix) :]: file.get_tensor(n) for n in names if n.startswith(prefix)}
    except FileNotFoundError:
        raise WeightsError(f"{path}: no such weights file; train the cell first") from None
    except (SafetensorError, OSError) as error:
        raise WeightsError(
            f"{path}: not a readable safetensors file, or a truncated one ({error}); "
            "delete it to train again"
        ) from error
    if not weights:
        seeds = sorted({int(n.partition("/")[0].removeprefix("seed-")) for n in names})
        raise WeightsError(f"{path} holds the seeds {seeds}, not {seed}")
    return weights


def load_weights(model, path: str | Path, seed: int) -> None:
    """Put one seed's weights from `path` into `model`.

    Raises:
        WeightsError: also if names or shapes are not those of the model.
    """
    try:
        model.load_state_dict(read_weights(path, seed))
    except RuntimeError as error:
        raise WeightsError(f"{path}: the weights do not fit the model: {error}") from error


def load_trained_model(
    settings: ModelSettings, dataset: Dataset, path: str | Path, *, seed: int, dtype: str
) -> SequenceModel:
    """A model with one seed's weights from `path`.

    Args:
        dataset: the task's strings, whose symbols and classes decide the model's shape.

    Raises:
        WeightsError: as `load_weights`.
    """
    model = build_model(settings, dataset, seed=seed, dtype=dtype)
    load_weights(model, path, seed)
    return model
