# What jobs ask a cluster for, and what keeps a long run on one going. docs/clusters.md is the guide.
import contextlib
import shutil
import subprocess
import time
from pathlib import Path

import psutil
from snakemake.scheduling.job_scheduler import JobScheduler

from fwp.experiment import resources
from fwp.experiment.seed_groups import group_seeds


# A limit on `gpu` is one of this machine's; jobs on a cluster have its GPUs.
resource_scopes:
    gpu="local",


# The longest time, in minutes, that a profile allows jobs to ask for.
DEFAULTS = workflow.resource_settings.default_resources
TIME_LIMIT = DEFAULTS.get("time_limit").value if DEFAULTS else None


def request(stage, wildcards):
    """What a job asks for at its first attempt, by the budget; rules are named like stages."""
    dataset = EXPERIMENT.dataset(wildcards.task)
    if stage in ("data", "test_data"):
        return resources.drawing(dataset)
    asked = workflow.resource_settings.overwrite_resources.get(stage, {}).get("gpu")
    estimate = resources.training if stage == "train" else resources.evaluation
    return estimate(
        EXPERIMENT.cell(wildcards.model, wildcards.task),
        dataset,
        seeds=len(group_seeds(wildcards.group)),
        gpu=bool(EXPERIMENT.gpus_per_job if asked is None else asked.value),
    )


def within_limit(minutes):
    """What a job that wants so many minutes asks for."""
    return minutes if TIME_LIMIT is None else min(minutes, TIME_LIMIT)


def memory(stage):
    """A stage's `mem_mb`: by the budget, more with every attempt."""
    return lambda wildcards, attempt: attempt * request(stage, wildcards).mem_mb


def runtime(stage):
    """A stage's `runtime`: by the budget, more with every attempt."""
    return lambda wildcards, attempt: within_limit(attempt * request(stage, wildcards).minutes)


# Slurm tells the first process of a job to end, which is Snakemake, and Snakemake would let the script
# work on until it is killed. Told in turn, training saves where it stands (fwp/utils/signals.py).
if not workflow.is_main_process:

    def stop(scheduler, *_, exit_gracefully=JobScheduler.exit_gracefully):
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate()
        exit_gracefully(scheduler)

    JobScheduler.exit_gracefully = stop


# The plugin for Slurm loses jobs while the controller is away. ------------------------------------
with contextlib.suppress(ImportError):
    import snakemake_executor_plugin_slurm as slurm

    def logdir(workflow, chosen=slurm._select_logdir):
        """Slurm's logs lie in the results, unless `--slurm-logdir` names another folder."""
        if workflow.executor_settings.logdir is not None:
            return chosen(workflow)
        return Path(workflow.workdir_init) / EXPERIMENT.results / "slurm"

    async def states(command, logger, ask=slurm.query_job_status):
        """State of every job; none if there is no answer, so that jobs count as running.

        Asked for as long as there is none, by the plugin, it would give its jobs up in the end. And
        it waits forever for jobs that sacct calls CANCELLED by somebody, or squeue PREEMPTED, which
        are over: those that start again are PENDING.
        """
        answer, seconds = await ask(command, logger)
        answer = {job: state.split()[0] for job, state in (answer or {}).items()}
        if command.startswith("squeue"):
            answer |= {job: "CANCELLED" for job in answer if answer[job] == "PREEMPTED"}
        return answer, seconds or 0.0

    def submit(executor, job, run_job=slurm.Executor.run_job):
        """Submit a job once the controller is there: else it would fail, attempt after attempt."""
        ping = ["scontrol", "ping"]
        while shutil.which(ping[0]) and subprocess.run(ping, capture_output=True).returncode:
            time.sleep(5)
        run_job(executor, job)

    slurm._select_logdir, slurm.query_job_status, slurm.Executor.run_job = logdir, states, submit
