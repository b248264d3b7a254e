"""Damaged files and files of something else: one message that names the file, never a traceback."""

import hashlib
import json
import os
import shutil
import time
import types
from dataclasses import replace

import pytest
import synthetic
import tiny
from rich.console import Console

from fwp.claims.verdicts import read_judgements, write_judgements
from fwp.datasets import card_reader
from fwp.datasets.card import describe
from fwp.datasets.dataset import DatasetError, load_dataset, save_dataset
from fwp.datasets.spec import DatasetSpec
from fwp.experiment.experiment import TrainJob
from fwp.models.weights import WeightsError, load_trained_model
from fwp.report import page
from fwp.results import collect, integrity
from fwp.results.integrity import ResultsError, write_sealed, write_sums
from fwp.results.job_state import read_job
from fwp.results.names import Name, read_names, write_names
from fwp.results.record import check_cell, read_record, weights_hash
from fwp.results.summary import read_summary, summarise, write_summary
from fwp.results.unfinished import read_unfinished, split_finished, write_unfinished
from fwp.status.board import Board
from fwp.status.snapshot import Watcher
from fwp.training.evaluate import evaluate_cell, is_evaluated
from fwp.training.train import train_cell


def flip(path):
    """Another bit in the middle."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def digit(path):
    """Another digit: the last one in the file that is one."""
    data = bytearray(path.read_bytes())
    place = max(i for i, value in enumerate(data) if chr(value).isdecimal())
    data[place] = ord("1") if data[place] != ord("1") else ord("2")
    path.write_bytes(data)


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def without_last_line(path):
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))


def folder(path):
    path.unlink()
    path.mkdir()


def loop(path):
    path.unlink()
    path.symlink_to(path.name)


DAMAGE = {
    "empty": lambda path: path.write_bytes(b""),
    "cut": cut,
    "without its last line": without_last_line,
    "flipped": flip,
    "digit": digit,
    "garbage": lambda path: path.write_bytes(bytes(range(256))),
    "list": lambda path: path.write_text("[]"),
    "number": lambda path: path.write_text("5"),
    "runs": lambda path: path.write_text('{"runs": 5}'),
    "seeds": lambda path: path.write_text('{"state": "running", "seeds": {"0": 5, "1": null}}'),
    "folder": folder,
    "loop": loop,
}
RECORDS = ("cell.json", "history.csv", "accuracy.csv", "evaluation.json")


@pytest.fixture
def grid(tmp_path):
    """Two cells of one task, and what the board asks of their experiment."""
    cells = synthetic.write_grid(
        tmp_path / "cells", ["lstm", "srwm"], ["parity"], [0, 1], bins=["2-50", "51-100"], epochs=4
    )
    jobs = [TrainJob("parity", cell.parts[-2], cell.name, [0, 1], str(cell)) for cell in cells]
    experiment = types.SimpleNamespace(
        models=["lstm", "srwm"],
        tasks=["parity"],
        targets=["report"],
        jobs=lambda: jobs,
        is_current=lambda model, task, config: config == synthetic.config(model, 4),
        searches=list,
        kind=lambda task: "strings",
        results=tmp_path,
    )
    return cells, experiment


def shown(experiment):
    console = Console(width=400, record=True, file=open(os.devnull, "w"))  # noqa: PTH123, SIM115
    console.print(Board(Watcher(experiment, slurm=False).look()), crop=False)
    return console.export_text()


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_of_a_cell_is_named(grid, name, damage):
    cells, experiment = grid
    path = cells[0] / name
    DAMAGE[damage](path)
    with pytest.raises(ResultsError, match=r"delete") as caught:
        collect.collect_results(cells)
    said = str(caught.value)
    assert str(path) in said and "\n" not in said
    text = shown(experiment)
    assert ("Traceback" not in text and "2 of 4 runs done" in text) or name == "history.csv"
    if name != "history.csv" or path.is_dir() or damage in ("empty", "cut", "garbage", "list"):
        assert f"damaged: LSTM on Parity, seeds 0, 1\n    {path}: " in text
        finished, rows = split_finished(experiment)
        assert [job.model for job in finished] == ["srwm"]
        assert {row["state"] for row in rows} == {"damaged"} and str(path) in rows[0]["error"]


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_board_survives_any_progress(grid, damage):
    cells, experiment = grid
    path = cells[0] / "progress.json"
    write_sealed(path, {"state": "running", "time": 1, "seeds": {"0": {"epoch": 4}}})
    DAMAGE[damage](path)
    assert "4 of 4 runs done" in shown(experiment)
    if path.is_file():
        shutil.copy(cells[0] / "cell.json", path)
        assert "4 of 4 runs done" in shown(experiment)


def test_hashes_that_another_job_is_writing_are_not_read(tmp_path):
    (tmp_path / "table.sha256").write_text(f"{'0' * 64}  table.csv\n")
    (tmp_path / ".other-a1b2.sha256").symlink_to(tmp_path / "renamed by now")
    assert integrity.sums(tmp_path) == {"table.csv": "0" * 64}


def test_deleted_and_truncated_weights_show(grid):
    cells, experiment = grid
    cut(cells[0] / "model.safetensors")
    assert f"{cells[0]}/model.safetensors: is not the file that cell.json" in shown(experiment)
    (cells[0] / "model.safetensors").unlink()
    assert "2 of 4 runs done, 2 waiting" in shown(experiment)


def test_a_cell_of_an_older_version_is_outdated(grid):
    cells, experiment = grid
    record = json.loads((cells[0] / "cell.json").read_text())
    del record["seal"]
    (cells[0] / "cell.json").write_text(json.dumps(record))
    assert "2 of 4 runs done, 2 outdated" in shown(experiment)
    with pytest.raises(ResultsError, match="an older version"):
        collect.collect_results(cells)


@pytest.mark.parametrize("name", ["history.csv", "accuracy.csv", "evaluation.json", "cell.json"])
def test_a_file_of_another_run_of_the_cell_is_refused(grid, tmp_path, name):
    cells, experiment = grid
    (other,) = synthetic.write_grid(
        tmp_path / "x", ["lstm"], ["parity"], [0, 1], bins=["2-50", "51-100"], epochs=4, per_bin=500
    )
    record = json.loads((other / "cell.json").read_text())
    record["runs"][0]["seconds"] += 1
    (other / "cell.json").write_text(json.dumps(record))
    digit(other / "history.csv")
    synthetic.seal(other)
    shutil.copy(other / name, cells[0] / name)
    with pytest.raises(ResultsError, match=str(cells[0])):
        collect.collect_results(cells)
    assert name == "history.csv" or "2 of 4 runs done" in shown(experiment)


# Tables and figures -------------------------------------------------------------------------------


@pytest.fixture
def tables(grid, tmp_path):
    made = tmp_path / "tables"
    results = collect.collect_results(grid[0])
    collect.write_results(results, made)
    row = {"task": "parity", "model": "elstm", "seed": 3, "state": "failed", "error": "", "log": ""}
    write_unfinished([row], made / "missing.csv")
    write_names([Name("model", "lstm", "lstm", "LSTM 1")], made / "names.csv")
    write_summary(summarise(results), made)
    write_judgements([], made / "claims.json")
    (made / "length.svg").write_text("<svg>123</svg>")
    write_sums(made / "all.sha256", list(made.iterdir()))
    shutil.copytree(made, tmp_path / "figures")
    return made


READERS = {
    "accuracy.csv": collect.read_accuracy,
    "history.csv": collect.read_history,
    "runs.csv": collect.read_runs,
    "missing.csv": read_unfinished,
    "names.csv": read_names,
    "summary.csv": lambda path: read_summary(path.parent),
    "comparison.csv": lambda path: read_summary(path.parent),
    "compute.csv": lambda path: read_summary(path.parent),
    "claims.json": read_judgements,
    "length.svg": page._figure,
}


@pytest.mark.parametrize("name", READERS)
def test_damaged_tables_and_figures_are_named(tables, name):
    path = tables.with_name("figures") / name if name.endswith("svg") else tables / name
    READERS[name](path)
    whole = path.read_bytes()
    kinds = {**DAMAGE, "runs": lambda path: path.write_bytes((tables / "runs.csv").read_bytes())}
    for damage, spoil in kinds.items():
        if (damage == "runs" and name == "runs.csv") or (name, damage) in (
            ("claims.json", "list"),
            ("claims.json", "digit"),
        ):
            continue
        spoil(path)
        with pytest.raises(ResultsError, match=f"{name}: .*delete it"):
            READERS[name](path)
        path.rmdir() if path.is_dir() else path.unlink()
        with pytest.raises(ResultsError, match=f"{name}: the f.* is missing"):
            READERS[name](path)
        path.write_bytes(whole)


def test_tables_without_hashes_are_said_to_be_old(tables):
    (tables / "all.sha256").unlink()
    with pytest.raises(ResultsError, match=r"no \.sha256 file beside it names it"):
        collect.read_results(tables)


def test_hashes_are_those_of_sha256sum(tables):
    line = (tables / "all.sha256").read_text().splitlines()[0]
    value, name = line.split("  ")
    assert value == hashlib.sha256((tables / name).read_bytes()).hexdigest()
    (tables / "all.sha256").write_text("nonsense")
    with pytest.raises(ResultsError, match=r"all\.sha256: does not hold hashes"):
        collect.read_results(tables)


# Strings and weights ------------------------------------------------------------------------------


def drawn(**changes):
    return DatasetSpec.from_dict(tiny.SPEC | changes)


@pytest.fixture
def strings(tmp_path):
    """Files of strings as the workflow leaves them: train.npz, test.npz and the card."""

    def make(place, **changes):
        data = tiny.draw(**changes)
        (tmp_path / place).mkdir()
        test = {split.name: split for split in data.test}
        train = {name: split for name, split in data.splits.items() if name not in test}
        save_dataset(replace(data, splits=train), tmp_path / place / "train.npz")
        save_dataset(replace(data, splits=test), tmp_path / place / "test.npz")
        files = [tmp_path / place / name for name in ("train.npz", "test.npz")]
        write_sealed(tmp_path / place / "card.json", describe(data), files)
        return tmp_path / place

    return make


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"train": {"min_length": 2, "max_length": 14, "count": 300}}, "train.max_length 14, not"),
        ({"validation": {"bins": [[2, 12], [13, 20]], "count": 30}}, "validation.count 30, not 40"),
        ({"seed": 1}, "seed 1, not 0"),
        ({"name": "parity_b"}, "name 'parity_b', not 'parity'"),
    ],
)
def test_strings_of_another_task_or_run_are_refused(strings, change, said):
    path, task = strings("parity", **change) / "train.npz", tiny.cell().task
    load_dataset(path, task, spec=drawn(**change), kinds=("train", "validation"))
    with pytest.raises(DatasetError, match=f"train.npz: was drawn with {said}.*delete it"):
        load_dataset(path, task, spec=drawn())


def test_training_and_test_strings_are_told_apart(strings):
    own = strings("parity")
    with pytest.raises(DatasetError, match=r"test\.npz: holds no train strings, only test"):
        load_dataset(own / "test.npz", spec=drawn(), kinds=("train", "validation"))
    with pytest.raises(DatasetError, match=r"train\.npz: holds no test strings, only train and va"):
        load_dataset(own / "train.npz", spec=drawn(), kinds=("test",))


def test_a_card_of_another_task_or_run_is_refused(strings):
    own, other = strings("parity"), strings("parity_b", name="parity_b", seed=1)
    assert card_reader.read(own / "card.json")["task"] == "parity"
    shutil.copy(other / "card.json", own / "card.json")
    with pytest.raises(ResultsError, match=r"parity/card\.json: is of the task 'parity_b'"):
        card_reader.read(own / "card.json")
    (other.parent / "again").mkdir()
    again = strings("again/parity", seed=2)
    shutil.copy(again / "card.json", own / "card.json")
    with pytest.raises(ResultsError, match=r"train\.npz: is not the file that card\.json names"):
        card_reader.read(own / "card.json")


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_card_is_named(strings, damage):
    path = strings("parity") / "card.json"
    DAMAGE[damage](path)
    with pytest.raises(ResultsError, match=r"card\.json: .*delete it"):
        card_reader.read(path)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A cell and another one of the same shape, really trained and evaluated."""
    place = tmp_path_factory.mktemp("trained")
    save_dataset(tiny.draw(), place / "data.npz")
    for name, rate in (("own", 0.01), ("other", 0.02)):
        cell, path = tiny.cell(epochs=1, learning_rate=rate), place / name
        names = {"weights": "model.safetensors", "history": "history.csv", "record": "cell.json"}
        files = {kind: path / file for kind, file in names.items()}
        train_cell(cell, [0], dataset=place / "data.npz", spec=drawn(), **files, device="cpu")
        _evaluate(place, path, cell)
    return place


def _evaluate(place, path, cell, **settings):
    record = read_record(path / "cell.json")
    check_cell(path / "cell.json", record, cell.trained.as_dict())
    evaluate_cell(
        cell.trained,
        runs=record["runs"],
        dataset=place / "data.npz",
        weights=path / "model.safetensors",
        output=path / "accuracy.csv",
        record=path / "evaluation.json",
        sha256=weights_hash(record),
        spec=drawn(),
        device="cpu",
    )


def test_records_say_of_what_they_are(trained):
    own = trained / "own"
    record = json.loads((own / "cell.json").read_text())
    for name in ("model.safetensors", "history.csv"):
        value = hashlib.sha256((own / name).read_bytes()).hexdigest()
        assert record["files"][name] == {"bytes": (own / name).stat().st_size, "sha256": value}
    evaluation = json.loads((own / "evaluation.json").read_text())
    assert set(evaluation["files"]) == {"cell.json", "accuracy.csv"}
    assert evaluation["dataset"] == load_dataset(trained / "data.npz").hash
    for machine in (record["machine"], evaluation["machine"]):
        assert machine["threads"] == 1 and machine["cpu"] and machine["instructions"]
        assert {"blas", "os", "kernels", "gpu", "cuda", "fwp", "commit"} <= set(machine)
        assert os.uname().nodename not in json.dumps(machine).split('"')


@pytest.mark.parametrize("spoil", ["flip", "other"])
def test_weights_that_are_not_the_cells_are_refused(trained, tmp_path, spoil):
    shutil.copytree(trained / "own", tmp_path / "own")
    path, cell = tmp_path / "own/model.safetensors", tiny.cell(epochs=1, learning_rate=0.01)
    if spoil == "flip":
        data = bytearray(path.read_bytes())
        data[-1] ^= 1  # in the last parameter
        path.write_bytes(data)
    else:
        shutil.copy(trained / "other/model.safetensors", path)
    with pytest.raises(WeightsError, match=r"model\.safetensors: these are not the .*delete it"):
        _evaluate(trained, tmp_path / "own", cell)
    import fwp

    with pytest.raises(WeightsError, match="these are not the weights"):
        fwp.load_model(tmp_path / "own", 0, trained / "data.npz")
    load_trained_model(
        cell.model, load_dataset(trained / "data.npz"), path, seed=0, dtype="float32"
    )


def test_a_whole_cell_of_another_model_is_refused(trained):
    other = tiny.cell("lstm", epochs=1)
    with pytest.raises(ResultsError, match=r"cell\.json: is of model mixer 'elstm', not of mixer"):
        check_cell("cell.json", read_record(trained / "own/cell.json"), other.trained.as_dict())


def test_an_evaluated_cell_is_known(trained, tmp_path):
    shutil.copytree(trained / "own", tmp_path / "own")
    cell, path = tiny.cell(epochs=1, learning_rate=0.01), tmp_path / "own"
    files = {"output": path / "accuracy.csv", "record": path / "evaluation.json"}
    assert is_evaluated(cell.trained, dataset=trained / "data.npz", **files)
    assert not is_evaluated(tiny.cell("lstm").trained, dataset=trained / "data.npz", **files)
    digit(path / "accuracy.csv")
    assert not is_evaluated(cell.trained, dataset=trained / "data.npz", **files)
    (path / "accuracy.csv").unlink()
    assert not is_evaluated(cell.trained, dataset=trained / "data.npz", **files)


def test_an_accuracy_that_has_gone_says_who_may_have_taken_it(grid):
    cells, _ = grid
    (cells[0] / "accuracy.csv").unlink()
    with pytest.raises(ResultsError, match=r"accuracy\.csv: .*missing.*another .*snakemake.*again"):
        collect.collect_results(cells)


def test_a_planned_job_reads_no_weights(grid, monkeypatch):
    """The board is asked for often, of thousands of cells."""
    read = []
    monkeypatch.setattr(integrity.Path, "read_bytes", lambda path: read.append(path.name) or b"{}")
    cells, experiment = grid
    read_job(next(iter(experiment.jobs())), lambda _: False, time.time())
    assert "model.safetensors" not in read and cells


def test_links_to_themselves_are_found_before_snakemake_stumbles_on_them(grid, tmp_path):
    assert integrity.loops(tmp_path) == integrity.loops(tmp_path / "nowhere") == []
    cells, _ = grid
    loop(cells[1] / "accuracy.csv")
    (tmp_path / "fine.csv").symlink_to(cells[0] / "accuracy.csv")
    (tmp_path / "dangling.csv").symlink_to("nowhere")
    (said,) = integrity.loops(tmp_path)
    assert said.startswith(f"{cells[1]}/accuracy.csv: is a link to itself; delete it")
