"""Patches of private functions: they fit, do what they say, and warn where they do not fit."""

import asyncio
import dataclasses
import importlib.util
import pkgutil
import signal
import subprocess
import sys
import types

import pytest
import snakemake.api  # noqa: F401 - its modules import one another, from here on
from project import ROOT

FILE = ROOT / "workflow/patches.py"


def load():
    spec = importlib.util.spec_from_file_location("patches_of_the_workflow", FILE)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # for the dataclass
    spec.loader.exec_module(module)
    return module


patches = load()
has_slurm = importlib.util.find_spec("snakemake_executor_plugin_slurm") is not None
slurm = pytest.mark.skipif(not has_slurm, reason="the plugin for Slurm is not installed")
FITTING = [patch for patch in patches.PATCHES if has_slurm or "slurm" not in patch.package]
TARGETS = [patch.target for patch in FITTING]
for_each_patch = pytest.mark.parametrize("patch", FITTING, ids=TARGETS)


def owner_and_name(patch):
    owner, _, name = patch.target.replace(":", ".").rpartition(".")
    return pkgutil.resolve_name(owner), name


@pytest.fixture(autouse=True)
def unpatched(monkeypatch):
    """What a test patches is as before after it."""
    for patch in FITTING:
        owner, name = owner_and_name(patch)
        monkeypatch.setattr(owner, name, getattr(owner, name))


def apply_all():
    """Apply all patches as in a job; which functions are others now."""
    before = [pkgutil.resolve_name(target) for target in TARGETS]
    patches.apply(results="results", in_job=True, warm=True)
    after = [pkgutil.resolve_name(target) for target in TARGETS]
    return [a is not b for a, b in zip(before, after, strict=True)]


# They fit -----------------------------------------------------------------------------------------


@for_each_patch
def test_a_patch_fits_the_installed_version(patch):
    assert patch.misfit() is None


@for_each_patch
def test_a_patched_function_can_be_patched_again(patch):
    patch.apply(results="results")
    assert patch.misfit() is None


def test_all_are_applied_in_silence(capsys):
    assert all(apply_all())
    assert capsys.readouterr().err == ""


def test_scripts_are_ended_by_jobs_alone():
    before = pkgutil.resolve_name(patches.STOP.target)
    patches.apply(results="results", in_job=False)
    assert pkgutil.resolve_name(patches.STOP.target) is before


# What they do -------------------------------------------------------------------------------------


def test_addresses_are_parsed_once():
    from snakemake import sourcecache

    plain = sourcecache.parse_uri("file:///a/b.py")
    asked = []
    sourcecache.parse_uri = lambda path_or_uri: asked.append(path_or_uri) or plain
    patches.PARSE.apply()
    assert [sourcecache.parse_uri("file:///a/b.py") for _ in range(3)] == [plain] * 3
    assert asked == ["file:///a/b.py"]


def test_parameters_of_a_function_are_those_that_it_has_and_found_once():
    from snakemake import common

    plain, asked = common.get_function_params, []
    common.get_function_params = lambda func: asked.append(func) or plain(func)
    patches.PARAMETERS[0].apply()

    def function(wildcards, attempt=1, **others):
        pass

    class Resource:
        __hash__ = None

        def evaluate(self, wildcards, threads):
            pass

    told = common.overwrite_function_params
    wrapped = lambda *_: None  # noqa: E731
    told(wrapped, ["path"])
    for func in (function, Resource().evaluate, Resource().evaluate, wrapped, "".join):
        found = common.get_function_params(func)
        assert list(found) == list(plain(func))
        assert getattr(found, "items", list)() == getattr(plain(func), "items", list)()
    before = len(asked)
    for func in (function, Resource().evaluate):
        common.get_function_params(func)
    assert len(asked) == before


def test_a_script_is_read_once_unless_wildcards_choose_it():
    from snakemake import script

    asked = []
    script.get_source = lambda *arguments: asked.append(arguments[0]) or arguments[0]
    patches.SOURCE.apply()
    for path in ("a.py", "a.py", "b.py", "{task}.py", "{task}.py"):
        assert script.get_source(path, None, "folder", {}, {}) == path
    assert script.get_source("a.py", None, "elsewhere") == "a.py"
    assert asked == ["a.py", "b.py", "{task}.py", "{task}.py", "a.py"]


@pytest.mark.parametrize("dryrun", [False, True])
@pytest.mark.parametrize("said", ["Estimated time: 1 min.", ""])
def test_the_time_is_told_once_below_the_number_of_jobs(dryrun, said):
    from snakemake.dag import DAG

    DAG.stats = lambda self: ("Job stats:\n", {"total": 2})
    asked = []
    patches.TIME.apply(results="results", remark=lambda jobs: asked.append([*jobs]) or said)
    dag = types.SimpleNamespace(
        workflow=types.SimpleNamespace(dryrun=dryrun),
        needrun_jobs=lambda: ["train"],
        finished_jobs=["data"],
    )
    printed = [DAG.stats(dag) for _ in range(3)]  # a dry run counts before and after its list
    told = "Job stats:\n" + (f"\n{said}\n" if said else "")
    assert printed[dryrun] == (told, {"total": 2})
    assert all(message == "Job stats:\n" for message, _ in printed[:dryrun] + printed[dryrun + 1 :])
    assert asked == [["train", "data"]]


@pytest.mark.parametrize(("done", "said"), [(2, "about 3 min left"), (2, ""), (9, "never")])
def test_the_time_left_stands_where_jobs_are_counted(done, said):
    from snakemake.logging import DefaultFormatter

    patches.LEFT.apply(left=lambda: said)
    text = DefaultFormatter().format_progress({"done": done, "total": 9})
    more = f", {said}" if said and done < 9 else ""
    assert text == f"{done} of 9 steps ({done / 9:.0%}) done{more}"


def test_the_log_names_some_of_many_files():
    from snakemake.logging import DefaultFormatter

    patches.SHORT.apply()
    told = {"rule_name": "collect", "local": True, "is_checkpoint": False, "wildcards": {}}
    told |= {"jobid": 1, "benchmark": None, "output": ["out"], "log": [], "resources": {}}
    told |= {"priority": 0, "threads": 1}

    def printed(count):
        files = [f"in-{i}" for i in range(count)]
        because = f"Input files updated by another job: {', '.join(files)}"
        return "\n".join(
            DefaultFormatter()._format_job_info(told | {"input": files, "reason": because})
        )

    assert "in-6, in-7\n" in printed(8) and "more" not in printed(8)
    many = printed(2000)
    assert "in-5, in-6, and 1993 more\n" in many and many.endswith(", …") and len(many) < 600


def test_a_terminated_job_terminates_its_script_and_what_that_started():
    """In a process of its own, as all its children are told to end."""
    script = "import subprocess as s; p = s.Popen(['sleep', '60']); print(flush=True); p.wait()"
    code = f"""
import runpy, subprocess, sys
from snakemake.scheduling.job_scheduler import JobScheduler
JobScheduler.exit_gracefully = lambda self, *args: print("Snakemake ends")
runpy.run_path({str(FILE)!r})["STOP"].apply()
script = subprocess.Popen([sys.executable, "-c", {script!r}], stdout=subprocess.PIPE)
script.stdout.readline()
JobScheduler.exit_gracefully(None, 15, None)
script.stdout.read() # until both are gone
print(script.wait())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=50)
    assert done.stdout.splitlines() == ["Snakemake ends", str(-signal.SIGTERM)], done.stderr


@slurm
@pytest.mark.parametrize(
    ("option", "folder"),
    [(None, "/project/mine/slurm"), ("/logs", "/logs"), ("logs", "/project/logs")],
)
def test_logs_of_slurm_are_in_the_results(option, folder):
    import snakemake_executor_plugin_slurm as plugin

    patches.LOGS.apply(results="mine")
    settings = types.SimpleNamespace(logdir=option)
    workflow = types.SimpleNamespace(executor_settings=settings, workdir_init="/project")
    assert str(plugin._select_logdir(workflow)) == folder


@slurm
@pytest.mark.parametrize(
    ("command", "answer", "expected"),
    [
        ("squeue --name x", (None, None), ({}, 0.0)),
        ("sacct -X", (None, None), ({}, 0.0)),
        (
            "squeue --name x",
            ({"1": "PREEMPTED", "2": "RUNNING"}, 0.5),
            ({"1": "CANCELLED", "2": "RUNNING"}, 0.5),
        ),
        (
            "sacct -X",
            ({"1": "CANCELLED by 0", "2": "PREEMPTED"}, 0.5),
            ({"1": "CANCELLED", "2": "PREEMPTED"}, 0.5),
        ),
    ],
)
def test_states_of_jobs(command, answer, expected):
    import snakemake_executor_plugin_slurm as plugin

    async def query(command, logger):
        return answer

    plugin.query_job_status = query
    patches.QUERY.apply()
    assert asyncio.run(plugin.query_job_status(command, None)) == expected


@slurm
def test_a_group_of_jobs_runs_in_one_snakemake(monkeypatch):
    from snakemake_executor_plugin_slurm import Executor

    plain = (
        "cd /a && python -m snakemake --cores all --executor slurm-jobstep --jobs 1 --mode remote"
    )
    monkeypatch.setattr(Executor, "format_job_exec", lambda self, job: plain)
    patches.GROUP.apply()
    executor = types.SimpleNamespace(
        get_python_executable=lambda: "python",
        additional_general_args=lambda: "--executor slurm-jobstep --jobs 1",
    )
    one = types.SimpleNamespace(is_group=lambda: False, threads=1)
    assert Executor.format_job_exec(executor, one) == plain
    several = types.SimpleNamespace(is_group=lambda: True, threads=2)
    assert Executor.format_job_exec(executor, several) == (
        "cd /a && srun -n1 --cpu-bind=q --cpus-per-task=2 env FWP_GROUP=1 "
        "python -m snakemake --cores all "
        "--executor local --cores 2 --keep-going --mode remote"
    )


@slurm
def test_jobs_are_submitted_once_the_controller_is_there(monkeypatch, tmp_path):
    import snakemake_executor_plugin_slurm as plugin

    events, answers = [], iter([1, 1, 0])
    monkeypatch.setattr(plugin.Executor, "run_job", lambda self, job: events.append(job))
    patches.SUBMIT.apply()
    pinged = types.SimpleNamespace(
        run=lambda *_, **__: types.SimpleNamespace(returncode=next(answers))
    )
    monkeypatch.setattr(patches, "subprocess", pinged)
    monkeypatch.setattr(patches, "time", types.SimpleNamespace(sleep=events.append))
    monkeypatch.setenv("PATH", str(tmp_path))
    plugin.Executor.run_job(None, "without scontrol")
    (tmp_path / "scontrol").touch(0o755)
    plugin.Executor.run_job(None, "job")
    assert events == ["without scontrol", 5, 5, "job"]


# The guard ----------------------------------------------------------------------------------------


def replace(patch, changed, monkeypatch):
    kept = [changed if p is patch else p for p in patches.PATCHES]
    monkeypatch.setattr(patches, "PATCHES", kept)
    monkeypatch.setattr(patches, "STOP", changed if patch is patches.STOP else patches.STOP)


def assert_left_out(patch, capsys, *words):
    """One line says that this patch is left out, and why; all others are applied."""
    applied = apply_all()
    assert applied.count(False) == 1
    assert applied.index(False) == patches.PATCHES.index(patch)
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    for word in (patch.target, patch.without, "All else works.", *words):
        assert word in error


@for_each_patch
def test_a_function_of_another_signature_is_left_alone(patch, capsys, monkeypatch):
    monkeypatch.setattr(*owner_and_name(patch), lambda new: None)
    assert_left_out(patch, capsys, "takes (new)", patch.signature)


@for_each_patch
def test_a_function_that_is_gone_is_told(patch, capsys, monkeypatch):
    moved = dataclasses.replace(patch, target=f"{patch.target}_of_old")
    replace(patch, moved, monkeypatch)
    assert_left_out(moved, capsys, "there is no such function")


@for_each_patch
def test_a_module_that_is_gone_is_told(patch, capsys, monkeypatch):
    moved = dataclasses.replace(patch, target=patch.target.replace(":", ".old:"))
    replace(patch, moved, monkeypatch)
    assert_left_out(moved, capsys, "there is no such function")


@for_each_patch
def test_another_version_is_told(patch, capsys, monkeypatch):
    changed = dataclasses.replace(patch, versions="<1")
    replace(patch, changed, monkeypatch)
    assert_left_out(changed, capsys, f"{patch.package} ", "made for <1")


def test_without_the_plugin_nothing_is_said(capsys, monkeypatch):
    monkeypatch.setattr(patches, "_installed", lambda package: False)
    patches.apply(results="results", in_job=False)
    assert capsys.readouterr().err == ""
