# Trains, evaluates and reports what the config names: models × tasks × seeds.
#
#   snakemake --cores all                                     config.yaml
#   snakemake --cores all --configfile workflow/presets/paper.yaml
#   snakemake -n                                              only show what would run
import gc
import json
import os
import subprocess
import sys
from pathlib import Path

from snakemake.utils import min_version

from fwp.config.messages import ConfigError
from fwp.config.module import config_of
from fwp.experiment import copies
from fwp.experiment.experiment import load_experiment
from fwp.results import integrity, unfinished
from fwp.status import run as this_run
from fwp.status.closing import closing
from fwp.status.time_left import Ticker
from fwp.utils import mps

min_version("9.14")

# Planning ten thousand cells is faster this way. The plan lives as long as the run, so that frequent
# garbage collection finds nothing.
gc.set_threshold(100_000, 100, 100)

# The folder of this file; none if Snakemake has the file from a Git host.
HERE = workflow.current_basedir.get_path_or_uri(secret_free=True)
HERE = HERE if os.path.isdir(HERE) else None

# As a module of another workflow (`module fwp: …`), the config is what that workflow gives.
IS_MODULE = not workflow.modifier.is_main_snakefile()
CONFIG = [os.path.relpath(path) for path in workflow.configfiles] or ["config.yaml"]
GIVEN, CHANGES = None, workflow.config_settings.config
if sum(word.startswith("set=") for word in sys.argv) > 1:
    sys.exit(
        'set=… may be given once, as the last would replace the others: --config set="a=1 b=2"'
    )
try:
    if IS_MODULE:
        WHOLE = workflow.modifier_stack[0].globals["config"]
        GIVEN, CHANGES = config_of(workflow.modifier, WHOLE, CHANGES)
        CONFIG = [GIVEN.pop("extends")] if "extends" in GIVEN else []
    EXPERIMENT = load_experiment(*CONFIG, given=GIVEN, top=dict(CHANGES))
except ConfigError as error:
    sys.exit(str(error))  # the message alone: a WorkflowError would point at this line

if workflow.is_main_process and (loops := integrity.loops(EXPERIMENT.results)):
    sys.exit("\n".join(loops))
if workflow.is_main_process and (copied := copies.put_times_in_order(EXPERIMENT)):
    # Not to stdout, which may be a graph: snakemake --rulegraph | dot.
    print(
        f"{copied} cells are finished by their hashes: their files' times are in order now.",
        file=sys.stderr,
    )

for line in EXPERIMENT.remarks() if workflow.is_main_process else []:
    print(f"warning: {line}", file=sys.stderr)


include: "workflow/rules/cluster.smk"


# Without a clone or an installed package beside it, a Snakefile of a Git host does without.
IN_JOB = not workflow.is_main_process
if HERE is not None:
    from workflow import patches  # of the folder, not of the object `workflow`

    patches.apply(
        results=EXPERIMENT.results,
        in_job=IN_JOB,
        remark=None if IN_JOB or IS_MODULE else time_of,
        left=None if IN_JOB or IS_MODULE or EXPERIMENT.partial else Ticker(EXPERIMENT),
        warm=EXPERIMENT.warm_worker,
    )

# What the front page of Snakemake's report says of the grid (workflow/report/workflow.rst).
if not IS_MODULE:
    config["grid"] = {
        "models": EXPERIMENT.models,
        "tasks": EXPERIMENT.tasks_of("strings"),
        "texts": EXPERIMENT.tasks_of("text") + EXPERIMENT.tasks_of("translation"),
        "seeds": EXPERIMENT.seeds,
    }

FORMATS = ["svg", "pdf", "png"]  # of every figure

# The options of the run that makes a partial report.
PARTIAL = "--nolock --cores 1 --executor local --quiet all --allowed-rules".split()
PARTIAL += ["collect", "summarise", "tables", "claims", "figures", "report"]
PARTIAL += ["collect_text", "text_tables", "text_figures"]
PARTIAL += ["search_tables", "search_figures"] if EXPERIMENT.searches() else []

# What this run was started with: for the run within it that writes the report, and for readers.
MAIN = os.path.relpath(workflow.main_snakefile)
FILES = [os.path.relpath(path) for path in workflow.config_settings.configfiles]
TOP = workflow.config_settings.config
ARGUMENTS = ["--snakefile", MAIN] if MAIN != "Snakefile" else []
ARGUMENTS += ["--configfile", *FILES] if FILES else []
ARGUMENTS += ["--config", *(f"{key}={json.dumps(TOP[key])}" for key in TOP)] if TOP else []

# Jobs find fwp, and modules of the user's own, whatever interpreter they run in.
FOLDERS = [*filter(None, [HERE]), *map(os.path.realpath, EXPERIMENT.folders)]
FOLDERS += filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
os.environ.update(PYTHONPATH=os.pathsep.join(dict.fromkeys(FOLDERS)))

# As many jobs at a time as the GPUs of this machine take; `--resources gpu=…` overrules it.
if EXPERIMENT.gpus and "gpu" not in workflow.global_resources:
    workflow.register_resource("gpu", EXPERIMENT.gpus * EXPERIMENT.jobs_per_gpu)


report: "workflow/report/workflow.rst"


# Without network or registry: built from the recipe, `apptainer build envs/fwp.sif envs/fwp.def`.
# Relative, since Snakemake refuses images in a folder whose name has a space.
container: os.path.relpath(f"{HERE or workflow.basedir}/envs/fwp.sif")


pathvars:
    results=EXPERIMENT.results,
    cell="<results>/cells/{task}/{model}/{group}",


wildcard_constraints:
    task="[^/]+",
    model="[^/]+",
    group=r"seeds?-\d+(-\d+)?",


include: "workflow/rules/data.smk"
include: "workflow/rules/search.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/collected.smk"
include: "workflow/rules/text.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/search_report.smk"
include: "workflow/rules/analysis.smk"
include: "workflow/rules/benchmark.smk"
include: "workflow/rules/retrieval.smk"


# What each of the `targets` in the config stands for.
REPORTING = ["claims", "report"]
REPORTING += ["collect", "summarise", "tables", "figures"] if STRINGS else []
REPORTING += ["collect_text", "text_tables", "text_figures"] if WRITTEN else []
REPORTING += ["search_tables", "search_figures"] if TRIALS else []
RULES = {"report": REPORTING, "states": ["states"], "automata": ["automata"]}
RULES["retrieval"] = ["retrieval"]


rule all:
    """Make everything that `targets` in the config names."""
    default_target: True
    input:
        # Snakemake does not look behind files that are there.
        lambda _: unfinished.deleted(EXPERIMENT) if "report" in EXPERIMENT.targets else [],
        [getattr(rules, rule).output for target in EXPERIMENT.targets for rule in RULES[target]],
    localrule: True


# `fwp status` is told that this run goes on, and how many jobs it has at a time. A partial report
# is no run. Jobs that share a GPU compute side by side (fwp/utils/mps.py). MPS ends with this process.
onstart:
    if workflow.is_main_process and not EXPERIMENT.partial:
        slots = (
            max(1, (workflow.cores or 1) // EXPERIMENT.threads) if workflow.local_exec else None
        )
        if slots and EXPERIMENT.gpus_per_job:
            slots = min(slots, int(workflow.global_resources["gpu"]))
        this_run.begin(EXPERIMENT.results, slots=slots, executor=workflow.executor_plugin.name)
    if EXPERIMENT.wants_mps and workflow.local_exec and not mps.is_running():
        reason = mps.start()
        print(f"Jobs on a GPU take turns, without MPS: {reason}." if reason else "Started MPS.")


# Cells that failed for good do not keep the report of the others from coming out. Not if the user
# has stopped the run, and not if something else was asked for.
onerror:
    this_run.end(EXPERIMENT.results, "failed")
    logs = [log] if isinstance(log, str) else log
    text = "".join(Path(path).read_text(encoding="utf-8") for path in logs)
    # What Snakemake says at SIGINT and at SIGTERM.
    words = ("Terminating processes on user request", "Will exit after finishing")
    stopped = any(said in text for said in words)
    wanted = any(job.rule.name == "report" for job in workflow.dag.needrun_jobs())
    if wanted and not stopped and not EXPERIMENT.partial:
        finished, lost = unfinished.split_finished(EXPERIMENT)
        if finished and lost:
            print("\nSome jobs failed. A report on the cells that are finished follows.")
            change = ["partial=true"] if TOP else ["--config", "partial=true"]
            command = [sys.executable, "-m", "snakemake", *ARGUMENTS]
            subprocess.run([*command, *change, *PARTIAL, "--", "report"], check=False)


onsuccess:
    this_run.end(EXPERIMENT.results, "done")
    worth = {
        "report": rules.report.output.page,
        "tables": rules.tables.output.markdown,
        "claims": rules.claims.output.markdown,
        "figures": rules.figures.output.heatmap,
        "collect": rules.collect.output.accuracy,
        "collect_text": rules.collect_text.output.text,
        "text_tables": rules.text_tables.output.markdown,
        "search_tables": rules.search_tables.output.markdown,
        "states": rules.states.output.markdown,
        "automata": rules.automata.output.markdown,
        "retrieval": rules.retrieval.output.markdown,
        "benchmark": rules.benchmark.output.markdown,
        "growth": rules.growth.output.markdown,
    }
    asked = {job.rule.name for job in workflow.dag.jobs}
    asked -= set() if EXPERIMENT.claims else {"claims"}  # an empty page
    files = [file for rule, file in worth.items() if rule in asked]
    if EXPERIMENT.partial:
        files += [rules.collect.output.missing] if MISSING_STRINGS else []
        files += [rules.collect_text.output.missing] if MISSING_TEXTS else []
    files = [file for file in files if os.path.exists(file)]
    found = rules.report.output.findings if "report" in asked else None
    print(closing(found, files))
