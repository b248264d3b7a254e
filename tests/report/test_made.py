"""The chapter of the report on how results were made."""

import re

import pytest
import yaml
from project import ROOT

from fwp.experiment.experiment import Experiment, load_experiment
from fwp.report import made
from fwp.report.stages import STAGES

HEADER = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"


def benchmark(path, seconds, memory="200.5"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{HEADER}{seconds}\t0:00:01\t{memory}\t1\t1\t1\t1\t1\t1\t1\n")


def record(task, model, *groups, **facts):
    return {
        "task": task,
        "model": model,
        "device": "cpu",
        "data": "strings",
        "groups": [f"{task}/{model}/{group}" for group in groups],
        "runs": [{"seed": 3}],
        "config": {"code": {"train": f"code of {model}"}},
        **facts,
    }


RECORDS = {
    ("parity", "lstm"): record("parity", "lstm", "seeds-0-1", "seed-3"),
    ("parity", "delta"): record("parity", "delta", "seeds-0-1"),
}


@pytest.fixture
def folder(tmp_path):
    benchmark(tmp_path / "data/parity/train.benchmark.tsv", 2)
    benchmark(tmp_path / "data/gone/train.benchmark.tsv", 50)  # not of this grid any more
    benchmark(tmp_path / "cells/parity/lstm/seeds-0-1/train.benchmark.tsv", 100)
    benchmark(tmp_path / "cells/parity/lstm/seed-3/train.benchmark.tsv", 1.25, "-")
    (tmp_path / "cells/parity/lstm/seed-3/cell.json").write_text("1234")
    (tmp_path / "figures").mkdir()
    for name in ("heatmap.svg", "heatmap.pdf", "other.svg"):
        (tmp_path / "figures" / name).write_text("x" * 1000)
    return tmp_path


def rules(folder, records=RECORDS, **settings):
    found = made.chapter(folder, records, search=False, **settings)
    return {row["name"]: row for row in found["rules"]}, found


def test_jobs_and_times_are_those_of_the_grid(folder):
    rows, found = rules(folder)
    assert rows["data"]["jobs"] == 1 and rows["data"]["time"] == "2.0 s"
    train = rows["train"]
    assert (train["jobs"], train["timed"], train["time"]) == (3, 2, "101 s")
    assert (train["longest"], train["longest_of"]) == ("100 s", "parity/lstm/seeds-0-1")
    assert train["memory"] == "200 MB"
    assert rows["evaluate"]["time"] == "–"  # a copy without the times
    assert found["timed"] == 3 and "search" not in rows and "text_tables" not in rows


def test_files_are_counted_and_named(folder):
    rows, _ = rules(folder)
    assert (rows["train"]["count"], rows["train"]["size"]) == (1, "4 B")
    assert (rows["figures"]["count"], rows["figures"]["size"]) == (2, "2.0 kB")
    names = [file["name"] for file in rows["train"]["files"]]
    assert "cells/<task>/<model>/<seeds>/cell.json" in names
    (folder / "tables").mkdir()
    (folder / "tables/runs.csv").write_text("")
    links = [file["link"] for file in rules(folder)[0]["collect"]["files"]]
    assert "tables/runs.csv" in links and "tables/history.csv" not in links


def test_code_machines_and_versions(folder):
    facts = {"machine": {"cpu": "EPYC", "blas": "MKL", "commit": "abc"}, "versions": {"torch": "2"}}
    records = RECORDS | {("parity", "srwm"): record("parity", "srwm", "seed-0", **facts)}
    rows, found = rules(folder, records, told={"codes": {"evaluate": ["12"]}})
    assert rows["train"]["codes"] == ["code of delta", "code of lstm", "code of srwm"]
    assert rows["evaluate"]["codes"] == ["12"]
    assert [one["cells"] for one in found["cells"]] == [2, 1]
    assert found["cells"][1]["machine"] == "EPYC" and found["cells"][1]["commit"] == "abc"
    assert any(version.startswith("snakemake 9") for version in found["versions"])


def test_commands_start_the_same_run(folder):
    told = {"arguments": ["--configfile", "my own.yaml"], "configs": ["my own.yaml"]}
    _, found = rules(folder, told=told | {"changes": ["seeds=2"]})
    commands = [command for _, command in found["commands"]]
    assert commands[0] == "snakemake --cores all --configfile 'my own.yaml'"
    one = "fwp train --config 'my own.yaml' --set seeds=2 --model lstm --task parity --seed 3"
    assert commands[-1] == one


def test_the_config_gives_the_same_experiment(folder):
    lab = load_experiment(ROOT / "config.yaml")
    _, found = rules(folder, told={"config": lab.config})
    again = Experiment(yaml.safe_load(found["config"]))
    jobs = list(lab.jobs())
    assert list(again.jobs()) == jobs
    for job in jobs[::50]:
        assert again.cell(job.model, job.task) == lab.cell(job.model, job.task)


def test_rules_say_the_same_of_themselves():
    """`snakemake --list-rules` shows docstrings; the report has the sentences of `STAGES`."""
    text = "".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    found = dict(re.findall(r'^rule (\w+):\n    """(.+)"""$', text, re.M))
    assert len(found) == len(re.findall(r"^rule ", text, re.M))
    for stage in STAGES:
        assert found[stage.name] == stage.does
        assert (ROOT / f"workflow/scripts/{stage.name}.py").is_file()
        assert f'/{stage.stem}.benchmark.tsv"' in text, stage.name
