"""NumPy archives (.npz) with a header: equal contents give equal files.

`np.savez` would do, but leaves the attributes of the archive's members to the system.
"""

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fwp.datasets.dataset import REMEDY, DatasetError, compare_spec
from fwp.datasets.spec import DatasetSpec, TaskSettings
from fwp.utils.files import atomic

EPOCH = (1980, 1, 1, 0, 0, 0)  # when all members were made


def write(path: str | Path, header: object, arrays: Mapping[str, np.ndarray]) -> None:
    """Write a header, ready for JSON, and arrays by name."""
    members = {"header": np.array(canonical(header).decode()), **arrays}
    with atomic(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, array in members.items():
            member = zipfile.ZipInfo(f"{name}.npy", date_time=EPOCH)
            member.create_system, member.compress_type = 3, zipfile.ZIP_DEFLATED
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, array, allow_pickle=False)
            archive.writestr(member, buffer.getvalue(), compresslevel=1)


def read(path: str | Path) -> tuple[dict, dict[str, np.ndarray]]:
    """Header and arrays of an archive; whatever is wrong with it raises an exception."""
    arrays = {}
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            with archive.open(name) as member:
                arrays[name.removesuffix(".npy")] = np.lib.format.read_array(
                    member, allow_pickle=False
                )
                member.read(1)  # at the end of a member zipfile compares its checksum
    return json.loads(str(arrays.pop("header"))), arrays


def require(
    path: Path,
    dataset: Any,
    what: str,
    *,
    task: TaskSettings | None,
    spec: DatasetSpec | None,
    kinds: Sequence[str],
) -> None:
    """Refuse data of another task or spec, or without a part that is asked for: DatasetError.

    Args:
        path: where the data come from.
        dataset: with params, spec and splits.
        what: it holds, for the message.
        task, spec, kinds: what is asked for.
    """
    if task is not None and canonical(dataset.params) != canonical(dict(task.params)):
        raise DatasetError(f"{path}: is of other settings than those of {task.name}; {REMEDY}")
    if spec is not None:
        compare_spec(path, dataset.spec, plain(spec.as_dict()))
    if lacking := [kind for kind in kinds if kind not in dataset.splits]:
        raise DatasetError(f"{path}: holds no {lacking[0]} {what}; {REMEDY}")


def canonical(value: object) -> bytes:
    """One text for equal values, whatever the order of their keys."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def plain(value: object) -> Any:
    """A value as it comes back from a header."""
    return json.loads(canonical(value))
