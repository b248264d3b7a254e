"""The grid that every kind of installation runs, and what it must leave behind."""

import csv
import os
from pathlib import Path

CONFIG = """\
seeds: 1
compute: {device: cpu}
data:
  train: {min_length: 2, max_length: 8, count: 60}
  validation: {bins: [[2, 8]], count: 10}
evaluation: {bins: [[2, 8], [9, 12]], count: 10}
training: {epochs: 2, batch_size: 32}
model: {hidden: 8, feed_forward: 1}
models:
  delta: {mixer: deltanet, heads: 2}
tasks:
  parity: {language: parity}
"""


def write_config(folder: Path) -> Path:
    """Put the config into `folder`, which need not exist yet."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(CONFIG, encoding="utf-8")
    return folder


def check_results(folder: Path) -> None:
    """Fail unless the grid has been trained and reported."""
    results = folder / "results"
    with (results / "tables/accuracy.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {(row["task"], row["model"]) for row in rows} == {("parity", "delta")}
    assert "Parity" in (results / "report.html").read_text(encoding="utf-8")
    assert (results / "cells/parity/delta/seed-0/model.safetensors").stat().st_size > 0


def environment(folder: Path) -> dict[str, str]:
    """That of a shell which knows nothing of the project; kernels are compiled again."""
    hidden = ("PYTHONPATH", "VIRTUAL_ENV", "FWP_CACHE", "PYTHONHOME")
    kept = {key: value for key, value in os.environ.items() if key not in hidden}
    return kept | {"FWP_CACHE": str(folder), "OMP_NUM_THREADS": "1"}
