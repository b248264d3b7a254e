"""Patches of private functions of Snakemake and of its Slurm plugin.

The Snakefile applies them. Each patch names what it replaces, the versions that it is known to fit
and the signature that it expects. A patch that does not fit is left out, and a warning says so.
"""

import contextlib
import functools
import inspect
import itertools
import os
import pkgutil
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import psutil
from packaging.specifiers import SpecifierSet

from workflow.warm import Workers


@dataclass(frozen=True)
class Patch:
    """A replacement of one private function.

    Attributes:
        package: the distribution that the function belongs to.
        versions: those of the package that the patch is known to fit.
        target: the function, as "module:name" or "module:Class.name".
        signature: what `signature` says of the function.
        without: what the user misses without the patch, a sentence.
        make: takes the function and the settings of `apply`; returns the replacement.
    """

    package: str
    versions: str
    target: str
    signature: str
    without: str
    make: Callable

    def misfit(self) -> str | None:
        """Why the patch does not fit the installed version; None if it does."""
        version = metadata.version(self.package)
        if not SpecifierSet(self.versions).contains(version, prereleases=True):
            return f"it is made for {self.versions}"
        try:
            found = signature(pkgutil.resolve_name(self.target))
        except (ImportError, AttributeError, TypeError, ValueError):
            return "there is no such function"
        return None if found == self.signature else f"it takes {found}, not {self.signature}"

    def apply(self, **settings) -> None:
        """Replace the function, whether it fits or not."""
        owner, _, name = self.target.replace(":", ".").rpartition(".")
        function = pkgutil.resolve_name(self.target)
        setattr(pkgutil.resolve_name(owner), name, self.make(function, **settings))


def signature(function: Callable) -> str:
    """Names of the parameters, without types: "(self, *args)" or "async (command, logger)"."""
    parameters = inspect.signature(function).parameters.values()
    names = [str(p.replace(annotation=p.empty)) for p in parameters]
    return "async " * inspect.iscoroutinefunction(function) + f"({', '.join(names)})"


def apply(
    *,
    results: str,
    in_job: bool,
    remark: Callable | None = None,
    left: Callable[[], str] | None = None,
    warm: bool = False,
) -> None:
    """Apply all patches that fit and that this process needs; warn of those that do not fit.

    Args:
        results: the folder of the results, relative to the working directory.
        in_job: whether this Snakemake runs a job that another Snakemake has sent.
        remark: takes the jobs of a run; returns what is said below their number, or "".
        left: says how long the run still takes, or "".
        warm: whether scripts are run as forks of a process that has loaded what they import.
    """
    for patch in PATCHES:
        if patch.package == "snakemake-executor-plugin-slurm" and not _installed(patch.package):
            continue
        if reason := patch.misfit():
            _warn(patch, reason)
        elif (in_job or patch is not STOP) and (warm or patch is not WARM):
            patch.apply(results=results, remark=remark, left=left)


def _installed(package: str) -> bool:
    try:
        return bool(metadata.version(package))
    except metadata.PackageNotFoundError:
        return False


def _warn(patch: Patch, reason: str) -> None:
    print(
        f"Warning: {patch.package} {metadata.version(patch.package)}: the patch of {patch.target} "
        f"does not fit ({reason}) and is left out. {patch.without} All else works.",
        file=sys.stderr,
    )


# Snakemake ----------------------------------------------------------------------------------------


def _cached(parse_uri, **_):
    """Snakemake parses the addresses of the same few scripts again for every job."""
    return functools.cache(parse_uri)


def _known_parameters(get_function_params, **_):
    """Snakemake inspects the same few functions again for every job, a dozen times."""

    @functools.lru_cache(maxsize=1000)
    def of(function, bound):
        parameters = dict(get_function_params(function))
        if bound:
            del parameters[next(iter(parameters))]
        return parameters

    @functools.wraps(get_function_params)
    def parameters(func):
        function = getattr(func, "__func__", func)  # of a method, which is another for every job
        try:
            return (
                get_function_params(func)
                if SET in vars(function)
                else of(function, function is not func)
            )
        except TypeError:  # neither attributes nor a hash
            return get_function_params(func)

    return parameters


def _read_once(get_source, **_):
    """Snakemake reads the script of a rule again for every job, to see that it is there."""
    known = {}

    @functools.wraps(get_source)
    def read(path, sourcecache, basedir=None, wildcards=None, params=None):
        if "{" in str(path):  # another script for other wildcards
            return get_source(path, sourcecache, basedir, wildcards, params)
        key = str(path), str(basedir)
        if key not in known:
            known[key] = get_source(path, sourcecache, basedir, wildcards, params)
        return known[key]

    return read


def _with_remark(stats, *, remark=None, **_):
    """What is said of the jobs stands where Snakemake counts them, and is as quiet as that.

    A dry run counts twice, before and after it lists the jobs. There the remark comes at the end.
    """
    times = 0

    @functools.wraps(stats)
    def count(dag):
        nonlocal times
        message, counts = stats(dag)
        times += 1
        if remark is not None and times == 1 + dag.workflow.dryrun:
            text = remark(itertools.chain(dag.needrun_jobs(), dag.finished_jobs))
            message += f"\n{text}\n" if text else ""
        return message, counts

    return count


def _with_time_left(format_progress, *, left=None, **_):
    """How long the run still takes stands where Snakemake says how many jobs are done."""

    @functools.wraps(format_progress)
    def progress(formatter, msg):
        text, more = format_progress(formatter, msg), ""
        if left is not None and msg["done"] < msg["total"]:
            more = left()
        return f"{text}, {more}" if more else text

    return progress


def _in_short(_format_job_info, **_):
    """Rules that join all cells have thousands of input files, and reasons that name them again."""

    @functools.wraps(_format_job_info)
    def info(formatter, msg):
        files, reason = list(msg["input"]), str(msg.get("reason") or "")
        if len(files) > FILES:
            files = [*files[: FILES - 1], f"and {len(files) - FILES + 1} more"]
        if len(reason) > REASON:
            reason = reason[:REASON].rpartition(",")[0] or reason[:REASON]
            reason += ", …"
        short = {"input": files} | ({"reason": reason} if reason else {})
        return _format_job_info(formatter, {**msg, **short})

    return info


def _ending_scripts(exit_gracefully, **_):
    """At a job's time limit, Slurm sends SIGTERM to the job's first process alone: Snakemake.

    Snakemake waits for its script, until Slurm kills both. This sends SIGTERM to the script too,
    and training saves its state (fwp/utils/signals.py).
    """

    @functools.wraps(exit_gracefully)
    def stop(scheduler, *args):
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate()
        exit_gracefully(scheduler, *args)

    return stop


def _whole_path(apply_wildcards, **_):
    """Snakemake takes braces in the path of a conda environment for wildcards.

    The path is absolute, so that a clone in a folder with braces cannot run. No path of this
    workflow has wildcards.
    """

    return functools.wraps(apply_wildcards)(lambda spec, _: spec)


def _forked(execute_script, **_):
    """Scripts are forks of a process that has loaded PyTorch, which takes a second (`warm.py`).

    Scripts that need another Python or shell, of a container for example, are run as before.
    """
    workers = Workers()

    @functools.wraps(execute_script)
    def execute(self, fname, edit=False):
        from snakemake.benchmark import benchmarked
        from snakemake.shell import STDOUT

        def measured(pid):
            return benchmarked(pid, self.bench_record)

        elsewhere = (self.conda_env, self.container_img, self.env_modules)
        code = None
        if not edit and not any(elsewhere) and not self.resources.get("shell_exec"):
            code = workers.run(
                fname,
                self.source,
                _environment(self.threads, self.resources.get("tmpdir")),
                stdout=STDOUT,
                measured=measured if self.bench_record else None,
            )
        if code is None:
            execute_script(self, fname, edit)
        elif code:
            raise subprocess.CalledProcessError(code, f"{sys.executable} {fname}")

    return execute


def _environment(threads: int, folder: str | None) -> dict[str, str]:
    """The environment in which Snakemake runs scripts."""
    libraries = ("OMP_NUM", "GOTO_NUM", "OPENBLAS_NUM", "MKL_NUM", "VECLIB_MAXIMUM", "NUMEXPR_NUM")
    own = dict.fromkeys((f"{name}_THREADS" for name in libraries), str(threads))
    if folder:
        own |= dict.fromkeys(("TMPDIR", "TMP", "TEMPDIR", "TEMP"), folder)
    return os.environ | own


# The plugin for Slurm -----------------------------------------------------------------------------


def _logs_in_results(select_logdir, *, results, **_):
    """Slurm's logs belong to the results, unless `--slurm-logdir` names another folder."""

    @functools.wraps(select_logdir)
    def logdir(workflow):
        if workflow.executor_settings.logdir is not None:
            return select_logdir(workflow)
        return Path(workflow.workdir_init) / results / "slurm"

    return logdir


def _patient_query(query_job_status, **_):
    """The plugin gives its jobs up if the controller does not answer several times in a row.

    Here no answer is an empty answer, so that jobs count as running. And the plugin waits forever
    for jobs that sacct calls "CANCELLED by 0" or squeue PREEMPTED. Those are over: jobs that start
    again are PENDING.
    """

    @functools.wraps(query_job_status)
    async def states(command, logger):
        answer, seconds = await query_job_status(command, logger)
        answer = {job: state.split()[0] for job, state in (answer or {}).items()}
        if command.startswith("squeue"):
            answer |= {job: "CANCELLED" for job in answer if answer[job] == "PREEMPTED"}
        return answer, seconds or 0.0

    return states


def _patient_submission(run_job, **_):
    """A job that is submitted while the controller is away fails, attempt after attempt."""

    @functools.wraps(run_job)
    def submit(executor, job):
        ping = ["scontrol", "ping"]
        while shutil.which(ping[0]) and subprocess.run(ping, capture_output=True).returncode:
            time.sleep(5)
        run_job(executor, job)

    return submit


def _in_one_snakemake(format_job_exec, **_):
    """The jobs of a group share one Snakemake, and so what it has loaded (`warm.py`).

    The plugin starts one for the group, and for each job another, in a step of its own. This puts
    the first into a step, where it runs the jobs itself.
    """

    @functools.wraps(format_job_exec)
    def command(executor, job):
        text = format_job_exec(executor, job)
        if not job.is_group():
            return text
        python = f"{executor.get_python_executable()} -m snakemake"
        step = f"srun -n1 --cpu-bind=q --cpus-per-task={job.threads} env FWP_GROUP=1 {python}"
        own = f"--executor local --cores {job.threads} --keep-going"
        return text.replace(python, step, 1).replace(executor.additional_general_args(), own)

    return command


FILES, REASON = 8, 300  # input files of a job, and characters of why it runs, that are printed
SET = "_overwrite_params"  # an attribute by which a function tells its parameters

_snakemake = functools.partial(Patch, "snakemake", ">=9.14,<10")
_slurm = functools.partial(Patch, "snakemake-executor-plugin-slurm", ">=2.8,<3")

PARSE = _snakemake(
    "snakemake.sourcecache:parse_uri",
    "(path_or_uri)",
    "Planning a large grid takes longer.",
    _cached,
)
PARAMETERS = tuple(
    _snakemake(
        f"{module}:get_function_params",
        "(func)",
        "Planning a large grid takes longer.",
        _known_parameters,
    )
    for module in ("snakemake.common", "snakemake.rules")
)
SOURCE = _snakemake(
    "snakemake.script:get_source",
    "(path, sourcecache, basedir=None, wildcards=None, params=None)",
    "Planning a large grid takes longer.",
    _read_once,
)
TIME = _snakemake(
    "snakemake.dag:DAG.stats",
    "(self)",
    "Nothing says how long a run will take.",
    _with_remark,
)
LEFT = _snakemake(
    "snakemake.logging:DefaultFormatter.format_progress",
    "(self, msg)",
    "Nothing says how long the run still takes.",
    _with_time_left,
)
SHORT = _snakemake(
    "snakemake.logging:DefaultFormatter._format_job_info",
    "(self, msg)",
    "The log names thousands of input files.",
    _in_short,
)
STOP = _snakemake(
    "snakemake.scheduling.job_scheduler:JobScheduler.exit_gracefully",
    "(self, *args)",
    "A cell that Slurm stops loses what it trained since its last checkpoint.",
    _ending_scripts,
)
BRACES = _snakemake(
    "snakemake.deployment.conda:CondaEnvFileSpec.apply_wildcards",
    "(self, wildcards)",
    "A clone in a folder whose name has braces cannot run.",
    _whole_path,
)
WARM = _snakemake(
    "snakemake.script:PythonScript.execute_script",
    "(self, fname, edit=False)",
    "Every job loads PyTorch for itself.",
    _forked,
)
LOGS = _slurm(
    "snakemake_executor_plugin_slurm:_select_logdir",
    "(workflow)",
    "Slurm's logs are in .snakemake/slurm_logs.",
    _logs_in_results,
)
QUERY = _slurm(
    "snakemake_executor_plugin_slurm:query_job_status",
    "async (command, logger)",
    "Snakemake loses its jobs on Slurm if the controller is away for minutes.",
    _patient_query,
)
SUBMIT = _slurm(
    "snakemake_executor_plugin_slurm:Executor.run_job",
    "(self, job)",
    "Jobs fail that are submitted while Slurm's controller is away.",
    _patient_submission,
)
GROUP = _slurm(
    "snakemake_executor_plugin_slurm:Executor.format_job_exec",
    "(self, job)",
    "Every cell of a group starts Snakemake again, which takes seconds.",
    _in_one_snakemake,
)
PATCHES = (PARSE, *PARAMETERS, SOURCE, BRACES, TIME, LEFT, SHORT, STOP, WARM)
PATCHES += (LOGS, QUERY, SUBMIT, GROUP)
