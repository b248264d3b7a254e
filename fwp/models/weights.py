"""Weights of trained models: one safetensors file holds those of several seeds."""

import hashlib
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from fwp.config.settings import ModelSettings
from fwp.models.sequence_model import HasSymbols, SequenceModel, build_model
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


def read_weights(path: str | Path, seed: int, *, sha256: str | None = None) -> dict[str, Tensor]:
    """The weights of one seed, {parameter: tensor}.

    Args:
        path: the file.
        seed: whose weights.
        sha256: of the file, as the cell's record has it; None to take the file as it is.

    Raises:
        WeightsError: the file is missing, damaged or of another cell, or does not hold this seed.
    """
    prefix = f"seed-{seed}/"
    try:
        data = Path(path).read_bytes()
        held = load(data)
    except FileNotFoundError:
        raise WeightsError(f"{path}: no such weights file; train the cell first") from None
    except (SafetensorError, OSError) as error:
        raise WeightsError(
            f"{path}: not a readable safetensors file, or a truncated one ({error}); "
            "delete it to train again"
        ) from error
    if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
        raise WeightsError(
            f"{path}: these are not the weights that cell.json names: the file has changed since "
            "it was written, or is of another cell or run; delete it to train again"
        )
    weights = {name[len(prefix) :]: x for name, x in held.items() if name.startswith(prefix)}
    if not weights:
        parts = {name.partition("/")[0].removeprefix("seed-") for name in held}
        seeds = sorted(int(part) for part in parts if part.isdecimal())
        raise WeightsError(f"{path} holds the seeds {seeds}, not {seed}")
    return weights


def load_weights(model, path: str | Path, seed: int, *, sha256: str | None = None) -> None:
    """Put one seed's weights from `path` into `model`; arguments as of `read_weights`.

    Raises:
        WeightsError: also if names or shapes are not those of the model.
    """
    try:
        model.load_state_dict(read_weights(path, seed, sha256=sha256))
    except RuntimeError as error:
        raise WeightsError(f"{path}: the weights do not fit the model: {error}") from error


def load_trained_model(
    settings: ModelSettings,
    dataset: HasSymbols,
    path: str | Path,
    *,
    seed: int,
    dtype: str,
    sha256: str | None = None,
) -> SequenceModel:
    """A model with one seed's weights from `path`.

    Args:
        dataset: the task's strings, whose symbols and classes decide the model's shape.
        sha256: of the file, as the cell's record has it.

    Raises:
        WeightsError: as `load_weights`.
    """
    model = build_model(settings, dataset, seed=seed, dtype=dtype)
    load_weights(model, path, seed, sha256=sha256)
    return model
