"""The process that jobs of a run are forked from: it has loaded what they need.

Python, PyTorch and the rest take a second or two to load, as long as a short cell is trained. So
the first job of a kind lets this process import what its script imports. Each job is a fork, which
has it already; otherwise it is a process as any: of its own memory, with its own number, signals
and exit status. This process itself computes nothing, starts no thread and does not touch a GPU, as
neither threads nor CUDA survive a fork.

A job also tells which modules it has loaded in addition, such as that of its mixer. The next forks
have these too.

`workflow/warm.py` starts it with the environment that its jobs shall have. It ends when Snakemake
does, however that ends, or when it has been idle for long; running jobs go on.
"""

import ast
import atexit
import contextlib
import gc
import importlib
import importlib.util
import itertools
import json
import os
import select
import signal
import socket
import sys
import sysconfig
import threading
import time
import types
import weakref
from collections.abc import Iterable
from pathlib import Path

IDLE = 600  # seconds without a job after which this process ends
PREAMBLE = "import pickle, snakemake.iocontainers, snakemake.logging"  # of Snakemake's scripts
ENDING = (signal.SIGINT, signal.SIGTERM)  # meant for jobs: they reach all processes of a run


class Refused(Exception):  # noqa: N818 - no error: the job runs in a process of its own
    """No further job can be forked from this process."""


class Job:
    """What the fork is to do: the script, and the connections to Snakemake and to the worker."""

    def __init__(self, request: bytes, connection: socket.socket, worker: socket.socket):
        told = json.loads(request)
        self.script, self.source, self.folder = told["script"], told["source"], told["folder"]
        self.time: float = told["time"]
        self.connection, self.worker = connection, worker


class Worker:
    """Loads what scripts import, and forks.

    Args:
        control: over it Snakemake sends jobs; closed when Snakemake is gone.
    """

    def __init__(self, control: socket.socket):
        self.control = control
        self.running: dict[int, socket.socket] = {}
        self.stamp = stamp()
        self.sources: set[str] = set()  # whose imports are done
        self.wanted: list[str] = []  # modules that jobs have loaded in addition
        self.told, self.tell = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.interrupted = (0, -1.0)  # the last signal of `ENDING`, and when it came
        self.wake, wakened = socket.socketpair()
        for end in (self.wake, wakened, self.told, self.tell):
            end.setblocking(False)
        signals = (*ENDING, signal.SIGCHLD)
        self.handlers = {number: signal.getsignal(number) for number in signals}
        for number in ENDING:
            if self.handlers[number] != signal.SIG_IGN:
                signal.signal(number, self._remember)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self.wakened = wakened
        signal.set_wakeup_fd(wakened.fileno(), warn_on_full_buffer=False)

    def _remember(self, number: int, _frame) -> None:
        self.interrupted = (number, time.monotonic())

    def serve(self) -> Job | None:
        """Fork for every job: returns the job in the fork, and None at the end of this process."""
        while True:
            ready, _, _ = select.select([self.control, self.wake, self.told], [], [], IDLE)
            if not ready:
                return None
            if self.wake in ready:
                with contextlib.suppress(BlockingIOError):
                    self.wake.recv(4096)
                self._reap()
            if self.told in ready:
                self.wanted += json.loads(self.told.recv(1 << 20))
            if self.control in ready:
                request, places, _, _ = socket.recv_fds(self.control, 1 << 20, 1)
                if not request:
                    return None
                job = Job(request, socket.socket(fileno=places[0]), self.tell)
                try:
                    self._prepare(job)
                    if self._fork(job):
                        return job
                except Refused:
                    return None

    def _prepare(self, job: Job) -> None:
        """Import what the script imports, unless that has been done."""
        if stamp() != self.stamp:
            raise Refused
        if job.source not in self.sources or self.wanted:
            if not sys.flags.safe_path:
                sys.path[0] = os.path.dirname(job.script)  # noqa: PTH120 - as Python does it
            try:
                load(job.source)
            except BaseException as error:  # the job's log shall tell
                raise Refused from error
            for module in self.wanted:
                with contextlib.suppress(Exception):
                    importlib.import_module(module)
            self.sources.add(job.source)
            self.wanted.clear()
            # Those of PyTorch alone take as long as all else at the end of a job.
            for finalizer in getattr(weakref.finalize, "_registry", ()):
                finalizer.atexit = False
            gc.collect()
            gc.freeze()  # forks do not look through it, which would copy it
        if len(os.listdir("/proc/self/task")) > 1 or uses_gpu():  # noqa: PTH208
            raise Refused

    def _fork(self, job: Job) -> bool:
        """Fork; returns whether this is the fork."""
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)  # until the fork can handle them
        try:
            pid = os.fork()
        except OSError as error:
            raise Refused from error
        if pid:
            self.running[pid] = job.connection
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
            return False
        # A connection is at its end when the last process that has it closes it.
        for other in (self.control, self.wake, self.wakened, self.told, *self.running.values()):
            other.close()
        signal.set_wakeup_fd(-1)
        for number, handler in self.handlers.items():
            signal.signal(number, handler)
        number, when = self.interrupted
        if when >= job.time:  # it came while this process was loading: it was meant for the job too
            os.kill(os.getpid(), number)
        return True

    def _reap(self) -> None:
        """Tell how jobs have ended; of a job that was killed, nobody else can."""
        for pid in list(self.running):
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                with self.running.pop(pid) as connection, contextlib.suppress(OSError):
                    connection.send(b"code %d" % os.waitstatus_to_exitcode(status))


def uses_gpu() -> bool:
    """Whether this process has opened a GPU; no import should."""
    for file in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            if os.readlink(file).startswith("/dev/nvidia"):  # noqa: PTH115
                return True
    return False


def lasting(names: Iterable[str]) -> list[str]:
    """Those modules that a changed `stamp` notices edits of, or that nobody edits."""
    paths = sysconfig.get_paths()
    package = sys.modules.get("fwp")
    folders = (*site_packages(), paths["stdlib"], paths["platstdlib"])
    folders += (*getattr(package, "__path__", ()),)
    found = []
    for name in names:
        file = getattr(sys.modules.get(name), "__file__", None) or ""
        if any(file.startswith(f"{folder}{os.sep}") for folder in folders):
            found.append(name)
    return sorted(found)


def stamp() -> list[tuple[str, int, int]]:
    """Changes with every edit of the package, and when another one is installed."""
    found = [(path, os.stat(path).st_mtime_ns, 0) for path in site_packages()]  # noqa: PTH116
    package = importlib.util.find_spec("fwp")
    folders = list(package.submodule_search_locations or []) if package else []
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir():
                    folders += [entry.path] if entry.name != "__pycache__" else []
                else:
                    status = entry.stat()
                    found.append((entry.path, status.st_mtime_ns, status.st_size))
    return sorted(found)


def site_packages() -> set[str]:
    """The folders that packages are installed to."""
    paths = sysconfig.get_paths()
    return {paths[name] for name in ("purelib", "platlib") if Path(paths[name]).is_dir()}


def load(source: str) -> None:
    """Run the import statements of a script, and what else all jobs of its kind would repeat."""
    nodes = ast.walk(ast.parse(f"{PREAMBLE}\n{source}"))
    imports = [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]
    exec(compile(ast.Module(imports, []), "<imports of a script>", "exec"), {})
    compiler = sys.modules.get("fwp.kernels.c_compiler")
    if compiler is not None:
        with contextlib.suppress(Exception):  # what is missing, each job says
            compiler.find_compiler()
            compiler.processor()


def run(job: Job) -> None:
    """Do in a fork what `python script` does, and end the process."""
    code = 1
    try:
        code = _run(job)
    finally:
        with contextlib.suppress(OSError):
            job.connection.send(b"code %d" % code)
        if code == -signal.SIGINT:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)
        # Not `sys.exit`: to take all modules down again takes a quarter of a second.
        os._exit(code)


def _run(job: Job) -> int:
    try:
        _begin(job)
        before = len(sys.modules)
        _execute(job.script)
        new = itertools.islice(reversed(sys.modules), max(0, len(sys.modules) - before))
        with contextlib.suppress(OSError):
            job.worker.send(json.dumps(lasting(new)).encode())
        code = 0
    except SystemExit as error:
        code = _status(error.code)
    except BaseException as error:
        while error.__traceback__ and error.__traceback__.tb_frame.f_code.co_filename == __file__:
            error.__traceback__ = error.__traceback__.tb_next
        sys.excepthook(type(error), error, error.__traceback__)
        code = -signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1
    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    return code


def _begin(job: Job) -> None:
    """Wait until Snakemake measures this process, and be as a new process is."""
    job.connection.send(b"pid %d" % os.getpid())
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
    if not job.connection.recv(16):
        sys.exit(1)  # Snakemake is gone
    os.chdir(job.folder)
    sys.argv[:] = [job.script]
    importlib.invalidate_caches()
    if "numpy.random" in sys.modules:  # Python's own generator does so by itself
        sys.modules["numpy.random"].seed()
    with contextlib.suppress(OSError):  # what `top` shows: the rule
        Path("/proc/self/comm").write_text(Path(job.script).suffixes[-2][1:])


def _execute(script: str) -> None:
    main = types.ModuleType("__main__")
    main.__file__ = script
    sys.modules["__main__"] = main
    exec(compile(Path(script).read_bytes(), script, "exec"), main.__dict__)


def _status(code: object) -> int:
    """The exit status that SystemExit stands for."""
    if code is None or isinstance(code, int):
        return (code or 0) & 0xFF
    print(code, file=sys.stderr)
    return 1


if __name__ == "__main__":
    if job := Worker(socket.socket(fileno=int(sys.argv[1]))).serve():
        run(job)
    os._exit(0)
