"""The workflow through the real `snakemake` command: what runs, and above all what does not.

One tiny grid (2 models × 2 tasks × 2 seeds) is run for real in a copy of the project; most tests
then change something and ask by a dry-run what would run again.
"""

import contextlib
import csv
import html
import json
import os
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from project import ROOT, copy_project, planned, run, snakemake, stdout

from fwp.datasets.dataset import load_dataset, save_dataset
from fwp.report.rule_graph import direct
from fwp.report.stages import taking_part
from fwp.results.integrity import read_sealed, write_sealed

pytestmark = [pytest.mark.workflow, pytest.mark.xdist_group("workflow")]

CONFIG = """\
seeds: 2
compute: {device: cpu, seeds_per_job: 2}
data:
  train: {min_length: 2, max_length: 12, count: 200}
  validation: {bins: [[2, 12], [13, 20]], count: 20}
evaluation: {bins: [[2, 12], [13, 20]], count: 20}
training: {epochs: 2, batch_size: 32, learning_rate: 0.01}
model: {hidden: 8, layers: 1, feed_forward: 1}
models:
  delta: {mixer: deltanet, heads: 2}
  lstm: {mixer: lstm}
tasks:
  parity: {language: parity}
  pairs: {language: aa_star}
"""
DRAWING = {"figures": 1, "report": 1, "all": 1}
REPORTING = {"collect": 1, "summarise": 1, "tables": 1, "claims": 1, "atlas": 1} | DRAWING


def cells(folder: Path, *arguments: str) -> set[str]:
    """Which cells would be trained, as task/model/group."""
    result = snakemake(folder, "--dry-run", *arguments)
    assert result.returncode == 0, result.stdout
    return set(re.findall(r"output: results/cells/(\S+)/model\.safetensors", result.stdout))


@contextlib.contextmanager
def edited(path: Path, before: str, after: str):
    """Replace the first `before` in a file for a while."""
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def done(tmp_path_factory) -> tuple[Path, str]:
    """A copy of the project in which the tiny grid has been run, and what that printed."""
    folder = copy_project(tmp_path_factory.mktemp("project"), CONFIG)
    return folder, run(folder)


@pytest.fixture
def project(done) -> Path:
    return done[0]


# A run --------------------------------------------------------------------------------------------


def test_a_run_writes_everything_and_names_it(done):
    folder, printed = done
    results = folder / "results"
    for file in (
        "report.html",
        *(f"tables/{name}.csv" for name in ("accuracy", "history", "runs", "summary", "datasets")),
        *(
            f"tables/{name}"
            for name in ("summary.md", "summary.tex", "comparison.csv", "compute.csv")
        ),
        *(f"tables/claims.{suffix}" for suffix in ("csv", "md", "html")),
        *(
            f"figures/{figure}.{format}"
            for figure in ("heatmap", "length", "learning", "strip", "solved-seconds")
            for format in ("svg", "pdf", "png")
        ),
    ):
        assert (results / file).stat().st_size > 0, file
    for name in re.findall(r"^  (results/\S+)$", printed.split("Done. Open:")[1], re.M):
        assert (folder / name).is_file()
    assert "\nIn short:\n\n- " in printed and (results / "findings.md").stat().st_size > 0
    assert json.loads((results / "run.json").read_text())["state"] == "done"
    with (results / "tables/runs.csv").open(newline="") as file:
        rows = {(row["task"], row["model"], row["seed"]) for row in csv.DictReader(file)}
    assert rows == {(t, m, s) for t in ("parity", "pairs") for m in ("delta", "lstm") for s in "01"}


def test_a_run_and_a_dry_run_say_once_how_long_it_takes(done, project):
    assert len(re.findall(r"^Estimated time: \d+ min on 2 cores", done[1], re.M)) == 1
    change = ("--config", "training={epochs: 3}")
    result = snakemake(project, "-n", "--cores", "2", "--quiet", "rules", *change)
    assert len(re.findall(r"^Estimated time: \d+ min on 2 cores", result.stdout, re.M)) == 1


def test_verdicts_on_claims_are_printed(project):
    (project / "mine.yaml").write_text(
        "claims: {works: {text: It works., criteria: [{models: lstm, tasks: parity, bin: 0, "
        "statistic: best, at_least: 0.0}]}}\n"
    )
    printed = run(project, "--config", "claims=[mine.yaml]", "--", "claims")
    assert "results/tables/claims.md" in printed.split("Done. Open:")[1]
    assert "results/report.html" not in printed.split("Done. Open:")[1]  # is not of these claims
    assert "supported     It works.\n" in printed and "LSTM on Parity, 2–12: best seed" in printed
    none = run(project, "--config", "claims=[]", "--", "claims")
    assert "claims.md" not in none.split("Done. Open:")[-1]  # only what has content
    run(project, "--", "claims", "report")


def test_a_cell_has_a_record_and_its_logs(project):
    folder = project / "results/cells/parity/delta/seeds-0-1"
    assert {path.name for path in folder.iterdir()} == {
        *("model.safetensors", "history.csv", "cell.json", "accuracy.csv", "progress.json"),
        "evaluation.json",
        *("train.log", "evaluate.log", "train.benchmark.tsv", "evaluate.benchmark.tsv"),
    }
    record = json.loads((folder / "cell.json").read_text())
    assert record["seeds"] == [0, 1]
    assert record["config"]["model"]["options"]["heads"] == 2
    assert set(record["config"]["code"]) == {"train"}
    assert "epoch" in (folder / "train.log").read_text()


def test_the_report_is_of_this_grid_and_leads_to_its_files(project):
    text = (project / "results/report.html").read_text(encoding="utf-8")
    assert 'id="parity/delta"' in text and '<h2 id="claims">' in text
    for link in set(re.findall(r'href="([^#"]+)"', text)):
        assert (project / "results" / link).exists(), link


def test_the_report_says_how_it_was_made(project):
    text = (project / "results/report.html").read_text(encoding="utf-8")
    text = text[text.index('id="made"') :]
    assert "19 jobs of 11 rules" in " ".join(text.split())
    for name in ("figures/heatmap.*", "figures/length.*", "tables/summary.html", "datasets.html"):
        assert name in text
    assert "Train the seeds of a model on a task." in text and "–</td>" not in rows(text)["train"]
    config = html.unescape(re.search(r"<pre>(results: .*?)</pre>", text, re.S)[1])
    (project / "shown.yaml").write_text(config, encoding="utf-8")
    assert planned(project, "--configfile", "shown.yaml") == {}
    assert not re.search(r"<(script|link)[^>]+(src|href)=.https?:", text)


def rows(text: str) -> dict[str, str]:
    """Rows of the table of rules."""
    found = re.findall(r"<tr><th>(\w+)</th>(.*?)</tr>", text, re.S)
    return dict(found)


def test_the_graph_of_rules_is_that_of_snakemake(project):
    """And stands alone on stdout, as `dot` wants it."""
    drawn = stdout(project, "--rulegraph")
    assert drawn.startswith("digraph") and drawn.rstrip().endswith("}")
    names = dict(re.findall(r'^\s*(\d+)\[label = "(\w+)"', drawn, re.M))
    edges = {(names[a], names[b]) for a, b in re.findall(r"^\s*(\d+) -> (\d+)", drawn, re.M)}
    after = {
        name: [a for a, b in sorted(edges) if b == name] for name in names.values() if name != "all"
    }
    stages = taking_part("strings")
    named = {stage.name for stage in stages}
    ours = direct({s.name: [a for a in s.after if a in named] for s in stages})
    assert {n: sorted(a) for n, a in ours.items()} == {
        n: sorted(a) for n, a in direct(after).items()
    }


def test_snakemakes_own_report_is_labelled(project):
    run(project, "--report", "own.html")
    assert (project / "own.html").stat().st_size > 100_000
    text = (project / "own.html").read_text(encoding="utf-8")
    for name in ("heatmap.svg", "length.svg", "learning.svg", "summary.html", "datasets.html"):
        assert name in text
    assert "accuracy against length" in text and "share of solved runs against seconds" in text
    assert not re.search(r"<(script|link)[^>]+(src|href)=.https?:", text)


def test_what_models_do_inside_is_looked_into_on_demand(project):
    change = ("--config", "analysis={models: [lstm], strings: 3}", "--")
    run(project, *change, "states", "automata", "error_control")
    folder = project / "results/analysis"
    names = ["states.csv", "states.md", "memory.svg", "accuracy-by-state.svg"]
    names += ["error_control.csv", "error_control.md", "error_control.svg"]
    for name in (*names, "automata.csv", "automata.md"):
        assert (folder / name).stat().st_size > 0, name
    for kind in ("states", "automata"):
        drawn = {str(p.relative_to(folder / kind)) for p in (folder / kind).rglob("*.svg")}
        assert drawn == {"parity/lstm.svg", "pairs/lstm.svg"}
    for cell in (project / "results/cells").glob("*/lstm/*"):
        for name in ("states", "positions", "automaton", "trace", "control"):
            for path in cell.glob(f"{name}.*"):
                path.unlink()
    assert planned(project) == {}


@pytest.mark.parametrize(
    "name", ["model.safetensors", "cell.json", "history.csv", "accuracy.csv", "evaluation.json"]
)
def test_a_deleted_file_of_a_cell_is_noticed(project, name):
    file = project / "results/cells/parity/lstm/seeds-0-1" / name
    shutil.move(file, project / "kept")
    try:
        jobs = {"evaluate": 1} | (
            {} if name in ("accuracy.csv", "evaluation.json") else {"train": 1}
        )
        assert planned(project) == jobs | REPORTING
    finally:
        shutil.move(project / "kept", file)


def test_a_copy_without_times_is_finished(project):
    """Not if the strings are others: hashes decide, where times would compute all again."""
    copy = project / "copied"
    change = ("--config", "results=copied")
    for order in (1, -1):  # files come in any order
        files = sorted(path for path in (project / "results").rglob("*") if path.is_file())
        for i, file in enumerate(files[::order]):
            target = copy / file.relative_to(project / "results")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
            os.utime(target, ns=(10**18 + i * 10**9,) * 2)
        jobs = planned(project, *change)
        assert not {"data", "test_data", "train", "evaluate"} & jobs.keys()
        shutil.rmtree(copy)
    shutil.copytree(project / "results", copy)
    strings, others = copy / "data/parity/train.npz", project / "others.npz"
    dataset = load_dataset(strings)
    save_dataset(
        replace(dataset, splits={**dataset.splits, "train": dataset.validation[0]}), others
    )
    shutil.move(others, strings)
    assert planned(project, *change)["train"] == 2
    shutil.rmtree(copy)


def test_a_deleted_cell_is_trained_again(project):
    cell = project / "results/cells/parity/lstm"
    shutil.move(cell, project / "kept")
    try:
        assert planned(project) == {"train": 1, "evaluate": 1} | REPORTING
    finally:
        shutil.move(project / "kept", cell)


def test_files_that_are_not_what_was_written_stop_a_run_in_one_line(project):
    """The whole attack is in tests/results/test_integrity.py, without snakemake."""
    weights = project / "results/cells/parity/delta/seeds-0-1/model.safetensors"
    whole, status = weights.read_bytes(), weights.stat()
    shutil.copy(weights.parents[2] / "../pairs/delta/seeds-0-1/model.safetensors", weights)
    os.utime(weights, ns=(status.st_atime_ns, status.st_mtime_ns))
    accuracy = "results/cells/parity/delta/seeds-0-1/accuracy.csv"
    failed = snakemake(project, "--cores", "1", "--forcerun", "evaluate", "--", accuracy)
    assert failed.returncode and "Traceback" not in failed.stdout
    (said,) = (weights.parent / "evaluate.log").read_text().splitlines()
    assert "model.safetensors: these are not the weights that cell.json names" in said
    weights.unlink()
    weights.symlink_to(weights.name)
    looping = snakemake(project, "--cores", "1")
    assert looping.returncode and "Traceback" not in looping.stdout
    assert "model.safetensors: is a link to itself; delete it" in looping.stdout
    weights.unlink()
    weights.write_bytes(whole)
    os.utime(weights, ns=(status.st_atime_ns, status.st_mtime_ns))
    run(project)


def test_two_runs_of_a_cell_give_the_same_bits(project):
    run(
        project,
        *("--config", "results=again", "--"),
        "again/cells/parity/delta/seeds-0-1/accuracy.csv",
        "again/cells/parity/lstm/seeds-0-1/model.safetensors",
    )
    for model, file in (
        ("delta", "model.safetensors"),
        ("delta", "accuracy.csv"),
        ("lstm", "model.safetensors"),
    ):
        cell = f"cells/parity/{model}/seeds-0-1/{file}"
        assert (project / "again" / cell).read_bytes() == (project / "results" / cell).read_bytes()
    for file in ("train.npz", "test.npz"):
        data = f"data/parity/{file}"
        assert (project / "again" / data).read_bytes() == (project / "results" / data).read_bytes()
    shutil.rmtree(project / "again")


def test_a_mixer_of_the_users_own_is_trained(project):
    source = (ROOT / "fwp/mixers/lstm.py").read_text().replace("class LSTM", "class Mine")
    (project / "my_module.py").write_text(source.replace("MIXER = LSTM", ""))
    text = (project / "config.yaml").read_text()
    (project / "mine.yaml").write_text(text + "results: mine\n")
    cell = "mine/cells/pairs/own/seeds-0-1/accuracy.csv"
    model = "models={own: {mixer: 'my_module:Mine'}}"
    run(project, "--configfile", "mine.yaml", "--config", model, "--", cell)
    assert (project / cell).is_file()
    shutil.rmtree(project / "mine")


# What runs again ----------------------------------------------------------------------------------


def test_a_second_run_has_nothing_to_do(project):
    assert planned(project) == {}


def test_a_changed_rate_of_a_model_reruns_its_cells_alone(project):
    change = "models={lstm: {training: {learning_rate: 0.02}}}"
    assert planned(project, "--config", change) == {"train": 2, "evaluate": 2} | REPORTING
    assert cells(project, "--config", change) == {"parity/lstm/seeds-0-1", "pairs/lstm/seeds-0-1"}


def test_changed_logic_of_a_mixer_reruns_its_cells_alone(project):
    with edited(project / "fwp/mixers/deltanet.py", "self.heads = heads", "self.heads = 1 * heads"):
        assert planned(project) == {"train": 2, "evaluate": 2} | REPORTING
        assert cells(project) == {"parity/delta/seeds-0-1", "pairs/delta/seeds-0-1"}


def test_changed_logic_of_a_language_reruns_its_task_alone(project):
    with edited(
        project / "fwp/languages/parity.py", "import numpy as np", "import numpy as np\nX = 1"
    ):
        once = {"data": 1, "test_data": 1, "train": 2, "evaluate": 2}
        assert planned(project) == once | REPORTING


def test_comments_docstrings_and_layout_rerun_nothing(project):
    with (
        edited(project / "fwp/mixers/deltanet.py", '"""', '"""Indeed: '),
        edited(project / "fwp/training/train.py", "    def ", "    # defined here:\n    def "),
        edited(
            project / "fwp/training/evaluate.py",
            "from torch import nn",
            "# modules\nfrom torch import nn",
        ),
        edited(project / "fwp/datasets/sampling.py", "\n\n\n", "\n\n\n\n\n"),
        edited(project / "workflow/scripts/train.py", '"""', '"""Indeed: '),
    ):
        assert planned(project) == {}


def appended(project, file: str):
    """A file with one more line of logic."""
    text = (project / file).read_text()
    line = "int more(void) { return 1; }" if file.endswith(".c") else "MORE = 1"
    return edited(project / file, text, f"{text}\n{line}\n")


@pytest.mark.parametrize(
    "file", ["fwp/ops/delta_rule/__init__.py", "fwp/ops/delta_rule/native.c"], ids=["py", "c"]
)
def test_changed_logic_of_an_op_reruns_the_models_that_use_it(project, file):
    with appended(project, file):
        assert cells(project) == {"parity/delta/seeds-0-1", "pairs/delta/seeds-0-1"}


@pytest.mark.parametrize(
    "files",
    [
        # Mixers, ops, languages and gradients that are not in the grid.
        [
            *("fwp/mixers/elstm.py", "fwp/ops/self_reference/native.c", "fwp/ops/slstm/triton.py"),
            *("fwp/languages/dyck.py", "fwp/training/rtrl.py"),
        ],
        # Messages, commands, the board, the choice of a GPU.
        [
            *("fwp/utils/suggest.py", "fwp/cli.py", "fwp/api.py", "fwp/status/board.py"),
            *("fwp/status/progress.py", "fwp/utils/gpus.py", "fwp/experiment/validate.py"),
        ],
    ],
    ids=["not in the grid", "no result"],
)
def test_logic_that_no_result_depends_on_reruns_nothing(project, files):
    with contextlib.ExitStack() as stack:
        for file in files:
            stack.enter_context(appended(project, file))
        assert planned(project) == {}


@pytest.mark.parametrize(
    "file",
    ["fwp/report/tables/summary.py", "fwp/claims/judge.py", "fwp/report/page.py"],
)
def test_changed_tables_verdicts_and_pages_train_nothing(project, file):
    with appended(project, file):
        found = planned(project)
        assert found and not {"train", "evaluate", "data", "test_data"} & found.keys()


def test_changed_figure_code_trains_nothing(project):
    with edited(project / "fwp/report/figures/heatmap.py", "\n\n\n", "\nX = 1\n\n\n"):
        assert planned(project) == DRAWING


def test_one_more_seed_trains_that_seed_alone(project):
    one = {"train": 4, "evaluate": 4} | REPORTING
    for per_job in (2, 8):  # also where a job has room for one more
        more = ("--config", "seeds=3", f"compute={{seeds_per_job: {per_job}}}")
        assert planned(project, *more) == one
        assert {cell.split("/")[2] for cell in cells(project, *more)} == {"seed-2"}


@pytest.fixture
def copied(project) -> Path:
    """A copy of the results, to be changed."""
    copy = project / "copied"
    shutil.copytree(project / "results", copy)
    yield copy
    shutil.rmtree(copy)


def test_fewer_seeds_train_nothing(project, copied):
    assert planned(project, "--config", "seeds=1") == REPORTING
    only = cells(project, "--config", "seeds=[1, 4]", "compute={seeds_per_job: 2}")
    assert {cell.split("/")[2] for cell in only} == {"seed-4"}
    run(project, "--config", "seeds=1", "results=copied", "--forcerun", "collect", "--", "collect")
    for name in ("runs", "accuracy", "history"):
        with (copied / f"tables/{name}.csv").open(newline="") as file:
            assert {row["seed"] for row in csv.DictReader(file)} == {"0"}


def test_another_order_of_models_and_tasks_reaches_the_tables(project):
    text = (project / "config.yaml").read_text()
    lines = text.splitlines(keepends=True)
    at = next(i for i, line in enumerate(lines) if line.startswith("  delta:"))
    with edited(project / "config.yaml", "".join(lines[at : at + 2]), lines[at + 1] + lines[at]):
        assert planned(project) == REPORTING


def test_a_cell_that_lost_a_seed_is_told(project, copied):
    record = copied / "cells/parity/lstm/seeds-0-1/cell.json"
    found = read_sealed(record)
    write_sealed(record, found | {"seeds": [0], "runs": found["runs"][:1]})
    change = ("--config", "results=copied", "--forcerun", "collect", "--", "collect")
    result = snakemake(project, "--cores", "1", *change)
    assert result.returncode != 0
    assert "must be of the seeds [0, 1], is of [0]; delete the folder" in result.stdout


def test_one_more_model_trains_that_model_alone(project):
    change = "models={new: {mixer: elstm}}"
    assert planned(project, "--config", change) == {"train": 2, "evaluate": 2} | REPORTING


def test_fewer_tasks_and_models_train_nothing(project):
    change = ("--config", "models={lstm: null}", "tasks={pairs: null}")
    assert planned(project, *change) == REPORTING


def test_a_selection_of_models_and_tasks_trains_nothing_anew(project):
    assert planned(project, "--config", "only={models: [lstm], tasks: pairs}") == REPORTING
    change = ("--config", "models={new: {mixer: elstm}}", "only={models: new, tasks: pairs}")
    assert cells(project, *change) == {"pairs/new/seeds-0-1"}


def test_changes_are_written_as_for_the_command_fwp(project):
    change = "set=models.lstm.training.learning_rate=0.004 training={epochs: 2} only.tasks=pairs"
    assert cells(project, "--config", change) == {"pairs/lstm/seeds-0-1"}
    twice = snakemake(project, "--dry-run", "--config", "set=seeds=1", "set=training.epochs=3")
    assert twice.returncode == 1
    assert "set=… may be given once" in twice.stdout


def test_longer_evaluation_bins_train_nothing(project):
    bins = "evaluation={bins: [[2, 12], [13, 20], [21, 40]]}"
    expected = {"test_data": 2, "evaluate": 4} | REPORTING
    assert planned(project, "--config", bins) == expected


def test_other_test_strings_train_nothing(project):
    change = "evaluation={bins: [[2, 9], [10, 30]], count: 50}"
    expected = {"test_data": 2, "evaluate": 4} | REPORTING
    assert planned(project, "--config", change) == expected


def test_other_training_strings_train_everything_anew(project):
    change = ("--config", "data={seed: 1}")
    expected = {"data": 2, "test_data": 2, "train": 4, "evaluate": 4} | REPORTING
    assert planned(project, *change) == expected


def test_the_device_and_the_packing_of_jobs_train_nothing(project):
    change = ("--config", "compute={device: auto, seeds_per_job: 1}")
    assert planned(project, *change) == {}


def test_a_target_can_be_asked_for_by_name(project):
    assert planned(project, "tables") == {}
    assert planned(project, "tables", "--forcerun", "tables") == {"tables": 1}


# What goes wrong ----------------------------------------------------------------------------------


def test_mistakes_in_the_config_are_one_message_before_any_job(project):
    change = ("models={delta: {heads: 3}}", "tasks={parity: {language: party}}")
    result = snakemake(project, "--cores", "1", "--config", *change)
    assert result.returncode == 1
    assert "config.yaml has 2 mistakes:" in result.stdout
    assert "models.delta.heads: must divide hidden = 8, got 3; allowed: 1, 2, 4, 8" in result.stdout
    assert "tasks.parity.language: must be one of" in result.stdout
    assert "Traceback" not in result.stdout
    assert "Snakefile" not in result.stdout
    assert "Building DAG" not in result.stdout


def test_a_truncated_dataset_is_told_in_the_log(project):
    """As if the disk had been full: the file is there and newer, but not whole."""
    data = project / "results/data/pairs/train.npz"
    kept, times = data.read_bytes(), data.stat()
    cell = project / "results/cells/pairs/lstm/seeds-0-1"
    shutil.copytree(cell, project / "kept")
    data.write_bytes(kept[: len(kept) // 2])
    result = snakemake(
        project, "--cores", "1", "results/cells/pairs/lstm/seeds-0-1/model.safetensors"
    )
    last = (cell / "train.log").read_text().splitlines()[-1]
    state = json.loads((cell / "progress.json").read_text())
    shutil.rmtree(cell)
    shutil.move(project / "kept", cell)
    data.write_bytes(kept)
    os.utime(data, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert result.returncode == 1
    assert "results/data/pairs/train.npz: not a dataset, or a damaged one" in last
    assert state["state"] == "failed"
    assert "train.npz" in state["error"]


BAD = """
from torch import nn

class Bad(nn.Module):
    def __init__(self, hidden: int):
        super().__init__()
        self.weight = nn.Linear(hidden, hidden)

    def forward(self, x, state=None):
        raise RuntimeError("it broke {here}")
"""


def test_failed_cells_do_not_keep_the_report_from_coming_out(project, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(project, folder, symlinks=True)
    (folder / "bad.py").write_text(BAD)
    change = ("models={bad: {mixer: 'bad:Bad'}, lstm: null}", "tasks={pairs: null}")
    result = snakemake(folder, "--cores", "1", "--config", *change)
    assert result.returncode == 1
    assert "A report on the cells that are finished follows." in result.stdout
    lost = (folder / "results/tables/missing.csv").read_text().splitlines()
    log = "results/cells/parity/bad/seeds-0-1/train.log"
    assert lost[1:] == [f"parity,bad,{seed},failed,it broke {{here}},{log}" for seed in (0, 1)]
    assert "it broke" in (folder / log).read_text()
    page = (folder / "results/report.html").read_text()
    assert "bad on Parity, seeds 0, 1: failed, it broke {here}" in page
    assert 'id="parity/delta"' in page
    table = (folder / "results/tables/summary.md").read_text()
    assert re.search(r"^\| bad +\| +failed \|$", table, re.M)
    # Later the report is of all cells again.
    (folder / "bad.py").unlink()
    assert planned(folder, "--config", *change[1:], "models={lstm: null}") == REPORTING


# Planning -----------------------------------------------------------------------------------------


@pytest.fixture
def no_torch(tmp_path) -> dict[str, str]:
    """An environment in which importing torch fails."""
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch/__init__.py").write_text("raise SystemExit('torch was imported')")
    return {"PYTHONPATH": str(tmp_path)}


def test_planning_imports_no_torch(project, no_torch):
    assert planned(project, **no_torch) == {}


def test_ten_thousand_cells_are_planned(tmp_path, no_torch):
    mixers = ("lstm", "elstm", "transformer", "deltanet", "srwm")
    languages = ("parity", "aa_star", "dyck_1", "anbn", "shuffle_2")
    grid = {
        "seeds": 100,
        "compute": {"seeds_per_job": 8},
        "models": {f"m{i}": {"mixer": mixers[i % 5]} for i in range(10)},
        "tasks": {f"t{i}": {"language": languages[i % 5]} for i in range(10)},
    }
    folder = copy_project(tmp_path / "project", json.dumps(grid))
    jobs = planned(folder, **no_torch)
    assert jobs["train"] == jobs["evaluate"] == 1300
