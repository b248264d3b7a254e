"""Jobs as forks of a warm worker: they do what `python script` does, whatever happens to whom."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import psutil
import pytest
from project import ROOT

from workflow import warm

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="jobs are forked on Linux alone")


class Project:
    """A folder with a package `fwp` of its own, scripts, and the workers that run them."""

    def __init__(self, folder: Path):
        self.folder, self.workers = folder, warm.Workers()
        (folder / "fwp").mkdir()
        (folder / "fwp/__init__.py").touch()
        self.environment = os.environ | {"PYTHONPATH": str(folder)}

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return path

    def script(self, text: str) -> tuple[str, str]:
        path = self.write("tmp1.rule.py", text)
        return str(path), path.read_text(encoding="utf-8")

    def run(self, text: str, **changes) -> tuple[int | None, str]:
        """The exit status of a script, and what it prints."""
        with (self.folder / "printed").open("w") as stdout:
            # A worker's output is that of its first job, as it is in Snakemake.
            code = self.workers.run(*self.script(text), self.environment, stdout=stdout, **changes)
        return code, (self.folder / "printed").read_text()

    def worker(self) -> psutil.Process:
        (worker,) = self.workers._workers.values()
        return psutil.Process(worker.process.pid)

    def end(self) -> None:
        for worker in self.workers._workers.values():
            worker.control.close()
            worker.process.wait(timeout=10)


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    project = Project(tmp_path)
    yield project
    project.end()


@pytest.fixture(scope="module")
def lasting(tmp_path_factory):
    """A project whose worker serves several tests; it prints to a file."""
    project = Project(tmp_path_factory.mktemp("lasting"))
    yield project
    project.end()


def until(condition, seconds=10.0):
    """Wait until a condition holds; returns what it is."""
    end = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < end:
        time.sleep(0.005)
    assert found
    return found


def read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


# As a process of its own --------------------------------------------------------------------------

STATE = """
import snakemake.iocontainers as _, snakemake.logging as _  # as every script of Snakemake's
import json, os, random, resource, signal, sys, threading
state = {
    "arguments": sys.argv,
    "path": sys.path,
    "name": __name__,
    "main": sys.modules["__main__"].__file__,
    "folder": os.getcwd(),
    "environment": dict(os.environ),
    "signals": {number: str(signal.getsignal(number)) for number in signal.valid_signals()},
    "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    "limits": resource.getrlimit(resource.RLIMIT_NOFILE),
    "nice": os.nice(0),
    "cores": sorted(os.sched_getaffinity(0)),
    "threads": threading.active_count(),
    "files": len(os.listdir("/proc/self/fd")),
    "group": os.getpgid(0),
}
print(json.dumps(state))
"""


def plain(project: Project, text: str) -> subprocess.CompletedProcess:
    """The same script as `python script`."""
    command = [sys.executable, project.script(text)[0]]
    return subprocess.run(
        command, cwd=Path.cwd(), env=project.environment, capture_output=True, text=True
    )


def test_a_job_finds_what_a_process_of_its_own_finds(project):
    expected = json.loads(plain(project, STATE).stdout)
    found = json.loads(project.run(STATE)[1])
    assert found.pop("files") == expected.pop("files") + 2  # to Snakemake, and to the worker
    assert found == expected


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("print('said')", 0),
        ("import sys; sys.exit(3)", 3),
        ("import sys; sys.exit('a reason')", 1),
        ("raise SystemExit", 0),
        ("def f():\n    raise ValueError('wrong')\nf()", 1),
        ("raise KeyboardInterrupt", -signal.SIGINT),
        ("import os; os.kill(os.getpid(), 9)", -signal.SIGKILL),
        ("import os; os.abort()", -signal.SIGABRT),
        ("import atexit; atexit.register(print, 'at the end')", 0),
        ("import threading\nthreading.Timer(0.1, print, ['late']).start()", 0),
        ("import tempfile; t = tempfile.TemporaryDirectory(dir='.', prefix='left')", 0),
    ],
)
def test_a_job_prints_and_ends_as_a_process_of_its_own_does(lasting, text, code, monkeypatch):
    monkeypatch.chdir(lasting.folder)
    told = lasting.folder / "told"
    both = f"import sys\nsys.stdout = sys.stderr = open({str(told)!r}, 'w', buffering=1)\n{text}\n"
    assert plain(lasting, both).returncode == code
    expected = told.read_text()
    assert lasting.run(both)[0] == code
    assert told.read_text() == expected
    assert not list(lasting.folder.glob("left*"))


def test_jobs_draw_random_numbers_of_their_own(lasting):
    text = "import random, numpy\n"
    text += "open('drawn', 'a').write(f'{random.random()} {numpy.random.rand()} ')"
    with contextlib.chdir(lasting.folder):
        for _ in range(2):
            assert lasting.run(text)[0] == 0
    drawn = (lasting.folder / "drawn").read_text().split()
    assert len(drawn) == len(set(drawn)) == 4


def test_a_job_is_measured_while_it_runs(lasting):
    measured = []

    @contextlib.contextmanager
    def measure(pid):
        measured.append(psutil.Process(pid).parent().pid == lasting.worker().pid)
        yield
        measured.append(psutil.pid_exists(pid))

    assert lasting.run("pass", measured=measure)[0] == 0
    assert measured == [True, False]


def test_modules_that_a_job_loads_are_loaded_for_the_next(lasting):
    text = """
    import sys, importlib
    with open('modules', 'a') as file:
        print('wave' in sys.modules, 'mine' in sys.modules, file=file)
    for name in ('wave', 'mine'):
        importlib.import_module(name)
    """
    lasting.write("mine.py", "")  # of the user's own, who may edit it
    with contextlib.chdir(lasting.folder):
        for _ in range(2):
            assert lasting.run(text)[0] == 0
        assert Path("modules").read_text() == "False False\nTrue False\n"


def test_jobs_at_once_do_not_disturb_one_another(lasting):
    meet = """
    import pathlib, sys, time
    mine, other, code = {0!r}, {1!r}, {2}
    pathlib.Path(mine).touch()
    while not pathlib.Path(other).exists():
        time.sleep(0.005)
    sys.exit(code)
    """
    codes = {}

    def job(mine, other, code):
        path = lasting.write(f"tmp{mine}.rule.py", meet.format(mine, other, code))
        codes[mine] = lasting.workers.run(str(path), "import time", lasting.environment)

    with contextlib.chdir(lasting.folder):
        threads = [threading.Thread(target=job, args=x) for x in (("a", "b", 3), ("b", "a", 4))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=20)
    assert codes == {"a": 3, "b": 4}


# Signals, and deaths ------------------------------------------------------------------------------

LONG = """
import os, pathlib, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
pathlib.Path("job").write_text(f"{os.getpid()} {os.getppid()}")
while not pathlib.Path("go").exists():
    time.sleep(0.005)
sys.exit(7)
"""


@contextlib.contextmanager
def running(project: Project, text: str = LONG):
    """Run a job meanwhile; yields a list that its exit status comes into."""
    codes = []
    thread = threading.Thread(target=lambda: codes.append(project.run(text)[0]))
    thread.start()
    yield codes
    thread.join(timeout=20)
    assert not thread.is_alive()


def processes() -> tuple[int, int]:
    """The job and its worker."""
    pid, parent = until(lambda: read(Path("job"))).split()
    return int(pid), int(parent)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, -2), (signal.SIGKILL, -9)]
)
def test_a_signal_to_a_job_ends_it_alone(project, number, code):
    with running(project) as codes:
        os.kill(processes()[0], number)
    assert codes == [code]
    assert project.worker().is_running()


def test_signals_to_all_processes_end_jobs_and_not_the_worker(project):
    """As Ctrl-C does, and Slurm at a time limit."""
    with running(project) as codes:
        job, worker = processes()
        for number in (signal.SIGINT, signal.SIGTERM):
            os.kill(worker, number)
        os.kill(job, signal.SIGTERM)
    assert codes == [143]
    assert project.run("import sys; sys.exit(5)")[0] == 5
    assert project.worker().pid == worker


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_the_worker_loads_reaches_the_job(project, number):
    project.write("slow.py", "import pathlib, time\npathlib.Path('slow').touch()\ntime.sleep(0.3)")
    with running(project, "import slow, pathlib\npathlib.Path('done').touch()") as codes:
        until(lambda: Path("slow").exists())
        os.kill(project.worker().pid, number)
    assert codes == [-number]
    assert not Path("done").exists()


def test_a_job_outlives_its_worker(project):
    with running(project) as codes:
        _, worker = processes()
        os.kill(worker, signal.SIGKILL)
        until(lambda: psutil.Process(worker).status() == psutil.STATUS_ZOMBIE)
        Path("go").touch()
    assert codes == [7]
    assert project.run("import sys; sys.exit(5)")[0] == 5
    assert project.worker().pid != worker


DRIVER = """
import os, sys
sys.path.insert(0, sys.argv[1])
from workflow import warm
script = sys.argv[2]
warm.Workers().run(script, open(script).read(), dict(os.environ))
"""


def test_a_worker_ends_when_its_snakemake_is_killed_and_the_job_goes_on(project):
    script, _ = project.script(f"{LONG[: LONG.index('sys.exit(7)')]}\npathlib.Path('done').touch()")
    command = [sys.executable, "-c", DRIVER, str(ROOT), script]
    driver = subprocess.Popen(command, env=project.environment)
    job, worker = processes()
    driver.kill()
    driver.wait()
    until(lambda: not psutil.pid_exists(worker) or psutil.Process(worker).status() == "zombie", 5)
    assert psutil.pid_exists(job)
    Path("go").touch()
    until(lambda: Path("done").exists())


def test_an_idle_worker_ends_and_another_takes_its_place(project, monkeypatch, tmp_path):
    text = warm.SCRIPT.read_text(encoding="utf-8").replace("IDLE = 600", "IDLE = 0.05")
    monkeypatch.setattr(warm, "SCRIPT", project.write("impatient.py", text))
    assert project.run("pass")[0] == 0
    first = project.worker().pid
    until(lambda: psutil.Process(first).status() == psutil.STATUS_ZOMBIE)
    assert project.run("import sys; sys.exit(5)")[0] == 5


# Who is served ------------------------------------------------------------------------------------


def test_an_edit_of_the_package_is_seen(project):
    text = "import fwp.code, os\nprint(fwp.code.VALUE, os.getppid())"
    project.write("fwp/code.py", "VALUE = 1")
    _, before = project.run(text)
    project.write("fwp/code.py", "VALUE = 22")
    _, after = project.run(text)
    assert [int(printed.split()[0]) for printed in (before, after)] == [1, 22]
    assert before.split()[1] != after.split()[1]


@pytest.mark.parametrize(
    "text",
    [
        "import no_such_module",
        "import threads_of_its_own",
        "import opens_a_gpu",
        "x = (",
    ],
)
def test_what_cannot_be_forked_is_left_to_snakemake(project, text, monkeypatch):
    project.write(
        "threads_of_its_own.py",
        "import threading\ntimer = threading.Timer(9, print)\ntimer.daemon = True\ntimer.start()",
    )
    project.write(
        "opens_a_gpu.py",
        "import os\nreadlink = os.readlink\nos.readlink = lambda path: '/dev/nvidia0'",
    )
    assert project.run(text) == (None, "")
    monkeypatch.setattr(warm, "Worker", None)  # nobody tries again
    assert project.run(text) == (None, "")


def test_each_environment_has_a_worker(project):
    for value in ("1", "2", "1"):
        project.environment |= {"MINE": value}
        text = f"import os\nassert os.environ['MINE'] == '{value}'\n"
        assert project.run(f"{text}open('workers', 'a').write(f'{{os.getppid()}} ')")[0] == 0
    first, second, third = Path("workers").read_text().split()
    assert first == third != second


# In Snakemake -------------------------------------------------------------------------------------

SNAKEFILE = """
import sys
sys.path.insert(0, config["root"])
from workflow import patches, warm
run = warm.Workers.run
warm.Workers.run = lambda *a, **k: None if 'alone.py' in a[1] else run(*a, **k)
patches.apply(results="results", in_job=False, warm=True)
rule forked:
    output: "forked.json"
    benchmark: "forked.tsv"
    threads: 2
    script: "forked.py"
rule alone:
    output: "alone.json"
    benchmark: "alone.tsv"
    threads: 2
    script: "alone.py"
rule wrong:
    output: "wrong"
    script: "wrong.py"
"""


@pytest.mark.workflow
def test_snakemake_runs_scripts_as_before(project):
    project.write("Snakefile", SNAKEFILE)
    forked = "b'warm_worker' in open(f'/proc/{os.getppid()}/cmdline', 'rb').read()"
    text = STATE.replace("print(json", f"state['forked'] = {forked}\nprint(json")
    text += "with open(snakemake.output[0], 'w') as file: json.dump(state, file)\n"
    for name in ("forked", "alone"):
        project.write(f"{name}.py", text)
    project.write("wrong.py", "import sys; sys.exit(3)")
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--keep-going"]
    done = subprocess.run(
        [*command, "--config", f"root={ROOT}", "--", "forked", "alone", "wrong"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "non-zero exit status 3" in done.stdout + done.stderr
    found = {}
    for name in ("forked", "alone"):
        assert len(Path(f"{name}.tsv").read_text().splitlines()) == 2
        found[name] = json.loads(Path(f"{name}.json").read_text())
        assert found[name].pop("forked") == (name == "forked")
        for changing in ("arguments", "main", "files"):  # names of files, and connections
            del found[name][changing]
        for of_bash in ("_", "SHLVL", "PWD", "OLDPWD"):
            found[name]["environment"].pop(of_bash, None)
        found[name]["path"].sort()  # what Snakemake appends comes before or after what it imports
    assert found["forked"] == found["alone"]
