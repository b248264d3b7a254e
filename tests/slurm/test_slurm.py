"""Grids on a real Slurm, whatever befalls them: in the end all is there, with the same numbers.

`make test-slurm` runs these tests; they need root and the packages that cluster.sh names.
"""

import contextlib
import csv
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster import PATIENCE, Cluster, Job, command, gpus_in_use, jobs, wait_until
from project import copy_project, snakemake, start_snakemake

from fwp.experiment.cell import Cell, TrainedCell
from fwp.experiment.experiment import load_experiment
from fwp.training.evaluate import evaluate_cell
from fwp.training.train import train_cell

pytestmark = pytest.mark.slurm

HERE = Path(__file__).parent
GRID = {
    "seeds": 1,
    "compute": {"seeds_per_job": 1, "jobs_per_gpu": 1},
    "data": {
        "train": {"min_length": 2, "max_length": 12, "count": 200},
        "validation": {"bins": [[2, 12], [13, 20]], "count": 20},
    },
    "evaluation": {"bins": [[2, 12], [13, 20]], "count": 20},
    "training": {"epochs": 40, "batch_size": 32},
    "model": {"hidden": 8, "feed_forward": 1},
    "tasks": {"parity": {"language": "parity"}},
}
UNLUCKY = {"mixer": "unlucky:Unlucky"}
PROFILE = ("--profile", "profiles/slurm", "--max-status-checks-per-second", "1")
TABLES = ("results/tables/accuracy.csv", "results/tables/runs.csv")
ENVIRONMENT = {
    "UNLUCKY_SECONDS": "0.02",  # in every step of a job on the cluster
    "CUDA_VISIBLE_DEVICES": "0",  # a GPU where Snakemake runs, which has nothing to do with jobs
}
MEMORY_IS_LIMITED = os.access("/sys/fs/cgroup/memory", os.W_OK)


def held(model: str) -> dict:
    """A model whose jobs go on until `let_go`: what befalls them does not come too late."""
    return UNLUCKY | {"hold": f"{model}.hold"}


def let_go(project: Path, *models: str) -> None:
    for model in models:
        (project / f"{model}.hold").unlink()


def project_with(models: dict, folder: Path) -> Path:
    project = copy_project(folder / "project", json.dumps(GRID | {"models": models}))
    for model in models.values():
        if "hold" in model:
            (project / model["hold"]).touch()
    for module in ("impatient.py", "unlucky.py"):
        shutil.copy(HERE / module, project)
    return project


@contextlib.contextmanager
def run(project: Path) -> Iterator[subprocess.Popen]:
    """Run the grid meanwhile; what Snakemake prints is added to printed.txt."""
    with (project / "printed.txt").open("a") as output:
        process = start_snakemake(
            project, *PROFILE, *TABLES, output=output, module="impatient", **ENVIRONMENT
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def printed(project: Path) -> str:
    return (project / "printed.txt").read_text()


def progress(project: Path, name: str) -> dict:
    """What the cell of a job tells of itself."""
    model = name.split("_parity_")[1].removesuffix("_seed-0")
    try:
        return json.loads(
            (project / f"results/cells/parity/{model}/seed-0/progress.json").read_text()
        )
    except OSError:
        return {"seeds": {"0": {}}}


def under_way(project: Path, model: str) -> Job | None:
    """The Slurm job that trains a cell, if it has been through some epochs."""
    name = f"rule_train_parity_{model}_seed-0"
    if progress(project, name)["seeds"]["0"].get("epoch", 0) >= 3:
        return next(iter(jobs(name, "running")), None)
    return None


def update(*what: str) -> None:
    command("scontrol", "update", *what)


def requeue(job: Job) -> None:
    command("scontrol", "requeue", job.id)
    release(job)


def release(job: Job) -> None:
    """Let a job that Slurm queues again start at once, and not after two minutes.

    A job that has come to its end meanwhile is not queued.
    """

    def state() -> str:
        return next((j.state for j in jobs() if j.id == job.id), "FORGOTTEN")

    wait_until(lambda: state() not in ("RUNNING", "COMPLETING", "REQUEUED"))
    if state() == "PENDING":
        update(f"jobid={job.id}", "starttime=now")


def break_node(node: str, cluster: Cluster) -> list[Job]:
    """Let a node die with all that runs on it; the jobs that are queued again."""
    lost = [job for job in jobs("rule_", "running") if job.node == node]
    cluster.crash(node)
    update(f"nodename={node}", "state=down", "reason=test")
    for job in lost:
        release(job)
    return lost


def mend_node(lost: list[Job], cluster: Cluster) -> None:
    """Let the node come back when others have its jobs."""
    ids = {job.id for job in lost}
    wait_until(lambda: not ids & {job.id for job in jobs("", "pending")})
    cluster.up(lost[0].node)
    update(f"nodename={lost[0].node}", "state=resume")


def log(project: Path, model: str) -> str:
    return (project / f"results/cells/parity/{model}/seed-0/train.log").read_text()


def slurm_logs(project: Path, model: str) -> list[str]:
    folder = project / f"results/slurm/rule_train/parity_{model}_seed-0"
    return [path.read_text() for path in folder.glob("*.log")]


def assert_complete(project: Path, monkeypatch) -> None:
    """Every cell is what it is without a cluster, and the tables hold them all."""
    monkeypatch.chdir(project)
    monkeypatch.syspath_prepend(project)
    lab = load_experiment("config.yaml")
    for job in lab.jobs():
        cell, other = Path(job.directory), Path("undisturbed")
        record = json.loads((cell / "cell.json").read_text())
        train_cell(
            *(Cell.from_dict(lab.train_params(job.model, job.task)), job.seeds),
            dataset=f"results/data/{job.task}/train.npz",
            weights=other / "model.safetensors",
            history=other / "history.csv",
            record=other / "cell.json",
        )
        evaluate_cell(
            TrainedCell.from_dict(lab.evaluate_params(job.model, job.task)),
            runs=record["runs"],
            dataset=f"results/data/{job.task}/test.npz",
            weights=other / "model.safetensors",
            output=other / "accuracy.csv",
            record=other / "evaluation.json",
        )
        for file in ("model.safetensors", "accuracy.csv"):
            assert (cell / file).read_bytes() == (other / file).read_bytes(), cell / file
        assert untimed(cell / "history.csv") == untimed(other / "history.csv"), cell
    rows = untimed(Path("results/tables/runs.csv"))
    assert [row["model"] for row in rows] == lab.models
    assert {row["status"] for row in rows} == {"budget"}


def untimed(path: Path) -> list[dict]:
    with path.open(newline="") as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


def assert_shown(project: Path, at_work: dict[str, Job]) -> None:
    """`fwp status` knows the Slurm jobs of the cells that are trained, and those that wait."""
    command = [sys.executable, "-m", "fwp", "status"]
    printed, found = (
        subprocess.run([*command, *more], cwd=project, check=True, capture_output=True, text=True)
        for more in ((), ("--json",))
    )
    status = json.loads(found.stdout)
    assert status["run"]["alive"] and status["run"]["executor"] == "slurm"
    assert status["slurm"]["error"] is None
    assert status["slurm"]["states"]["RUNNING"] >= len(at_work)
    shown = {job["model"]: job for job in status["jobs"]}
    for model, job in at_work.items():
        where = (shown[model]["slurm"], shown[model]["slurm_state"], shown[model]["state"])
        assert where == (job.id, "RUNNING", "running")
        assert f"Slurm job {job.id} on " in printed.stdout
    assert re.search(r"^Slurm: .*\b\d running", printed.stdout, re.MULTILINE)


def test_cells_survive_what_befalls_their_jobs(tmp_path, monkeypatch):
    befallen = ("timed_out", "cancelled", "requeued", "on_broken_node")
    models = {model: held(model) for model in befallen} | {
        "crashed": UNLUCKY | {"misfortune": "crash"},
        "hungry": UNLUCKY | {"misfortune": "memory"},
    }
    project = project_with(models, tmp_path)

    def at_work(model: str) -> Job | None:
        assert grid.poll() is None, printed(project)
        taken = gpus_in_use()
        assert len(set(taken)) == len(taken)
        return under_way(project, model)

    with Cluster(accounting=False) as cluster, run(project) as grid:
        # Six jobs, and two GPUs on each of two nodes.
        wait_until(lambda: all(at_work(model) for model in befallen))
        busiest = len(gpus_in_use())
        first = {model: under_way(project, model) for model in befallen}
        assert_shown(project, first)
        update(f"jobid={first['timed_out'].id}", "endtime=now+1")
        command("scancel", first["cancelled"].id)
        requeue(first["requeued"])
        wait_until(lambda: jobs("train_parity_cancelled", "cancelled"))
        # Slurm looks now and then for jobs whose time is over.
        wait_until(lambda: jobs("train_parity_timed_out", "timeout"))
        let_go(project, "timed_out", "cancelled", "requeued")
        # Without squeue's answer, and without accounting, nobody knows of the jobs for a while.
        cluster.down("slurmctld")
        time.sleep(10)
        cluster.up("slurmctld")
        wait_until(lambda: at_work("on_broken_node"))
        lost = break_node(first["on_broken_node"].node, cluster)
        let_go(project, "on_broken_node")
        mend_node(lost, cluster)
        assert grid.wait(2 * PATIENCE) == 0, printed(project)
        submitted = jobs()

    assert_complete(project, monkeypatch)
    assert busiest == 4
    for model in ("timed_out", "cancelled", "requeued"):
        assert "going on from there" in log(project, model), model
    states = {
        model: [j.state for j in submitted if f"train_parity_{model}" in j.name] for model in models
    }
    assert states["timed_out"] == ["TIMEOUT", "COMPLETED"]
    assert states["cancelled"] == ["CANCELLED", "COMPLETED"]
    assert states["requeued"] == ["COMPLETED"]
    assert states["crashed"] == ["FAILED", "COMPLETED"]
    assert states["on_broken_node"] == ["COMPLETED"]
    if MEMORY_IS_LIMITED:
        assert states["hungry"] == ["FAILED", "COMPLETED"]
        assert "oom-kill" in "".join(slurm_logs(project, "hungry"))
    # Sent again with more, and tables are made where Snakemake runs.
    first, second = (
        int(j.memory.rstrip("M")) for j in submitted if "train_parity_crashed" in j.name
    )
    assert second == 2 * first
    assert {j.name.split("_parity")[0] for j in submitted} == {
        *("rule_data", "rule_test_data", "rule_train", "rule_evaluate")
    }
    assert len(slurm_logs(project, "crashed")) == 2


def test_a_cell_survives_preemption_a_killed_snakemake_and_an_absent_controller(
    tmp_path, monkeypatch
):
    project = project_with({"kept": held("kept")}, tmp_path)

    def at_work(*but: Job) -> Job | None:
        """The job that trains the cell, if it is under way and none of those before."""
        assert grid.poll() is None, printed(project)
        job = under_way(project, "kept")
        return job if job and job.id not in {other.id for other in but} else None

    def pid() -> int | None:
        return progress(project, "rule_train_parity_kept_seed-0").get("pid")

    with Cluster(accounting=True) as cluster:
        with run(project) as grid:
            wait_until(at_work)
            first, its_pid = under_way(project, "kept"), pid()
            urgent = ("--partition=urgent", "--gpus=2", f"--nodelist={first.node}")
            command("sbatch", *urgent, "--output=/dev/null", "--wrap=sleep 1")
            wait_until(lambda: at_work(first) and pid() != its_pid)
            beside = snakemake(project, *PROFILE, *TABLES)
            assert beside.returncode == 1 and "Directory cannot be locked" in beside.stdout
            assert "Traceback" not in beside.stdout
            grid.kill()
        assert snakemake(project, "--unlock").returncode == 0
        with run(project) as grid:
            # Before jobs are submitted,
            wait_until(lambda: printed(project).count("SLURM run ID") == 2)
            cluster.down("slurmctld")
            time.sleep(10)
            cluster.up("slurmctld")
            # and while two are at work on one cell.
            wait_until(lambda: any("waiting for it" in x for x in slurm_logs(project, "kept")))
            cluster.down("slurmctld", "slurmdbd", "mariadbd")
            let_go(project, "kept")
            time.sleep(30)
            cluster.up("mariadbd", "slurmdbd", "slurmctld")
            assert grid.wait(2 * PATIENCE) == 0, printed(project)
            submitted = jobs("rule_train")

    assert_complete(project, monkeypatch)
    assert [job.state for job in submitted] == ["PREEMPTED", "COMPLETED", "COMPLETED"]
    assert (
        submitted[2].memory == submitted[0].memory
    )  # a first attempt, that of the second Snakemake
    assert "another job has trained this cell meanwhile" in log(project, "kept")


def test_a_job_takes_many_cells(tmp_path, monkeypatch):
    """In one Snakemake; if one fails, the next attempt finds the others finished."""
    models = {f"cell_{i}": UNLUCKY for i in range(3)}
    models["crashed"] = UNLUCKY | {"misfortune": "crash"}
    project = project_with(models, tmp_path)
    grouped = ("--cores", "1", "--groups", "train=cells", "evaluate=cells")
    grouped += ("--group-components", "cells=4", "--keep-incomplete")
    environment = ENVIRONMENT | {"UNLUCKY_SECONDS": "0"}
    with Cluster(accounting=False):
        done = snakemake(project, *PROFILE, *grouped, "--", *TABLES, **environment)
        submitted = [job for job in jobs() if "data" not in job.name]
    assert done.returncode == 0, done.stdout
    assert_complete(project, monkeypatch)
    assert [job.state for job in submitted] == ["FAILED", "COMPLETED"]
    logs = sorted(
        (project / "results/slurm").glob("group_*/*.log"), key=lambda path: int(path.stem)
    )
    texts = [path.read_text() for path in logs]
    assert [text.count("Snakemake version") for text in texts] == [1, 1]
    assert "rule evaluate" in texts[0]  # it went on with the others
    trained = {model: "another job has trained" in log(project, model) for model in models}
    assert trained == {model: model != "crashed" for model in models}
    assert int(submitted[0].memory.rstrip("M")) < 5000  # of one cell at a time
