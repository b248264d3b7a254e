"""NumPy archives (.npz) with a header: equal contents give equal files.

`np.savez` would do, but leaves the attributes of the archive's members to the system.
"""

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

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


def canonical(value: object) -> bytes:
    """One text for equal values, whatever the order of their keys."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def plain(value: object) -> Any:
    """A value as it comes back from a header."""
    return json.loads(canonical(value))
