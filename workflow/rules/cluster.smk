# What jobs ask a cluster for. docs/clusters.md is the guide, workflow/patches.py keeps long runs going.
from functools import cache

from fwp.experiment import duration, resources
from fwp.experiment.seed_groups import group_seeds


# A limit on `gpu` is one of this machine's; jobs on a cluster have its GPUs.
resource_scopes:
    gpu="local",


# The longest time, in minutes, that a profile allows jobs to ask for.
DEFAULTS = workflow.resource_settings.default_resources
TIME_LIMIT = DEFAULTS.get("time_limit").value if DEFAULTS else None


def request(stage, wildcards):
    """What a job asks for at its first attempt, by the budget; rules are named like stages."""
    named = dict(wildcards.items())
    seeds = len(group_seeds(named.get("group", "")))
    return request_of(stage, named.get("model"), named["task"], seeds)


@cache  # the seeds of a cell ask for the same
def request_of(stage, model, task, seeds):
    """What so many seeds of a cell ask for; a stage that draws strings has no model."""
    dataset = EXPERIMENT.dataset(task)
    if stage in ("data", "test_data"):
        return resources.drawing(dataset)
    asked = workflow.resource_settings.overwrite_resources.get(stage, {}).get("gpu")
    cell = EXPERIMENT.cell(model, task)
    machine = {
        "gpu": bool(EXPERIMENT.gpus_per_job if asked is None else asked.value),
        "state_grows": EXPERIMENT.signature(model).facts.state_grows,
    }
    if stage == "search":
        return resources.searching(cell, dataset, EXPERIMENT.search(model, task), **machine)
    estimate = resources.training if stage == "train" else resources.evaluation
    return estimate(cell, dataset, seeds=seeds, **machine)


def within_limit(minutes):
    """What a job that wants so many minutes asks for."""
    return minutes if TIME_LIMIT is None else min(minutes, TIME_LIMIT)


def memory(stage):
    """A stage's `mem_mb`: by the budget, more with every attempt."""
    return lambda wildcards, attempt: attempt * request(stage, wildcards).mem_mb


def runtime(stage):
    """A stage's `runtime`: by the budget, more with every attempt."""
    return lambda wildcards, attempt: within_limit(attempt * request(stage, wildcards).minutes)


def time_of(jobs):
    """How long the jobs of a run will take, in a sentence."""
    jobs = [(job.rule.name, dict(job.wildcards.items())) for job in jobs if not job.is_group()]
    if EXPERIMENT.gpus_per_job and any("model" in wildcards for _, wildcards in jobs):
        return "Estimated time: unknown, as models run on a GPU."
    sent = workflow.resource_settings.nodes is not None  # to a cluster, also in a dry run
    cores = None if sent else workflow.cores
    return duration.sentence(duration.estimate(EXPERIMENT, jobs, cores=cores or 1), cores)
