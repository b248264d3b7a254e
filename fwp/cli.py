"""The command line: `python -m fwp` (or `fwp`, once installed)."""

import argparse
import os
import signal
import sys
from pathlib import Path

from fwp import __version__
from fwp.commands import (
    arguments,
    benchmark,
    check,
    compare,
    construct,
    export,
    listing,
    record,
    snakefile,
    status,
    train,
)
from fwp.utils import signals

EXAMPLES = """\
examples:
  fwp train --model deltanet --task parity            train one cell of config.yaml
  fwp train --model srwm --task parity --set training.epochs=5 --set models.srwm.hidden=32
  fwp status                                          show the progress of the grid
  fwp compare results results_before                  what differs, and do seeds explain it?
  fwp check my_module:MyMixer --set heads=2           does it compute what a mixer must?
  fwp construct lstm anbn                             weights set by hand, on long strings
  fwp list                                            list mixers, languages and ops

Snakemake runs the whole grid: snakemake --cores all
"""


def parser() -> argparse.ArgumentParser:
    """The options, in one place."""
    top = argparse.ArgumentParser(
        prog="fwp",
        description="Fast weight programmers on formal languages: train a cell, watch the grid.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"fwp {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="command")

    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--config",
        type=Path,
        nargs="+",
        default=[Path("config.yaml")],
        metavar="FILE",
        help="the experiment; later files override earlier ones (default: config.yaml)",
    )
    shared.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change a key of the config, such as training.epochs=5; may be given several times",
    )

    training = commands.add_parser(
        "train",
        parents=[shared],
        help="train one cell of the config and evaluate it",
        description="Train one cell of the config, show its progress, and print its accuracy.",
    )
    training.add_argument("--model", required=True, help="a model of the config")
    training.add_argument("--task", required=True, help="a task of the config")
    training.add_argument(
        "--seed", type=arguments.seed, default=0, metavar="N", help="default: %(default)s"
    )
    training.add_argument(
        "--device", default="auto", choices=["auto", "cpu", "cuda"], help="default: %(default)s"
    )
    training.add_argument(
        "--threads",
        type=arguments.threads,
        default=1,
        metavar="N",
        help="CPU threads (default: %(default)s, as in the pipeline; on an idle machine, more help "
        "models of some hundred units)",
    )
    training.add_argument(
        "--output",
        type=arguments.folder,
        metavar="DIR",
        help="keep weights, history, record and accuracies there, and resume there after an "
        "interruption (default: keep nothing)",
    )
    training.set_defaults(run=train.run)

    board = commands.add_parser(
        "status",
        parents=[shared],
        help="show the grid as a board",
        description="Show how far a run is: every seed of the grid, the time left, a line per job "
        "that runs, and what failed and why.",
    )
    board.add_argument("--watch", action="store_true", help="refresh the board until Ctrl-C")
    board.add_argument(
        "--json",
        action="store_true",
        help="print JSON (fwp/status/schema.yaml describes it); with --watch, a line per refresh",
    )
    board.add_argument("--no-slurm", action="store_true", help="do not ask squeue")
    board.set_defaults(run=status.run)

    trial = commands.add_parser(
        "check",
        help="try a mixer or a language in the properties that each must have",
        description="Try a mixer or a language in the properties that each must have.",
    )
    trial.add_argument(
        "name",
        help="my_module:MyClass, my_module:my_function, or the name of a mixer or language; fla "
        "tries all layers of flash-linear-attention, and prints a Markdown table",
    )
    trial.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="OPTION=VALUE",
        help="an option of the mixer, or hidden, its width; or a parameter of the language; may be "
        "given several times",
    )
    trial.add_argument(
        "--config", type=Path, metavar="FILE", help="look for modules beside it, too"
    )
    trial.add_argument("--device", default="cpu", choices=["cpu", "cuda"], help="default: cpu")
    trial.add_argument(
        "--learn",
        nargs="?",
        type=arguments.count,
        const=True,
        default=False,
        metavar="STEPS",
        help="also train a model of one layer on parity, for some seconds or for so many steps",
    )
    trial.add_argument("--json", action="store_true", help="print the findings as JSON")
    trial.add_argument(
        "--jobs",
        type=arguments.count,
        metavar="N",
        help="of `check fla`: layers that are tried at a time (default: half the cores, at most 8)",
    )
    trial.add_argument(
        "--timeout",
        type=float,
        default=150,
        metavar="SECONDS",
        help="of `check fla`: time of a layer (default: %(default)s)",
    )
    trial.set_defaults(run=check.run)

    made = commands.add_parser(
        "construct",
        help="set the weights of a model by hand, and try it on long strings",
        description="Set the weights of a model by hand, so that it labels a language right, and "
        "try it on long strings. If there is no such model, say what theorems say.",
    )
    made.add_argument("mixer", help="the name of a mixer")
    made.add_argument("language", help="the name of a language")
    made.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="OPTION=VALUE",
        help="an option of the mixer, such as allow_neg_eigval=true; may be given several times",
    )
    made.add_argument(
        "--param",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a parameter of the language, such as group=S3; may be given several times",
    )
    made.add_argument(
        "--length",
        type=arguments.count,
        default=10_000,
        metavar="N",
        help="symbols of a string (default: %(default)s)",
    )
    made.add_argument(
        "--strings",
        type=arguments.count,
        default=6,
        metavar="N",
        help="about how many strings, random ones and long runs (default: %(default)s)",
    )
    made.set_defaults(run=construct.run)

    speed = commands.add_parser(
        "benchmark",
        parents=[shared],
        help="measure the speed of training steps and ops on this machine",
        description="Measure the speed of training steps and ops on this machine. The section "
        "`benchmark` of the config, such as --set benchmark.packs=[1,32], says what is measured.",
    )
    speed.add_argument(
        "--output",
        type=arguments.folder,
        required=True,
        metavar="DIR",
        help="the folder for tables and figures",
    )
    speed.add_argument(
        "--device", default="auto", choices=["auto", "cpu", "cuda"], help="default: %(default)s"
    )
    speed.add_argument(
        "--growth",
        action="store_true",
        help="measure how time and memory grow with seeds, width, length, layers and cells",
    )
    speed.set_defaults(run=benchmark.run)

    pair = commands.add_parser(
        "compare",
        help="show where two folders of results differ",
        description="Show which cells of two folders of results differ, by how much, and whether "
        "that is more than seeds explain; and which settings, code, data and machines differ.",
    )
    pair.add_argument("a", type=Path, metavar="A", help="a folder of results")
    pair.add_argument("b", type=Path, metavar="B", help="another one")
    pair.add_argument("--all", action="store_true", help="print all cells that differ")
    pair.add_argument("--csv", type=Path, metavar="FILE", help="write every cell to a table")
    pair.add_argument("--json", type=Path, metavar="FILE", help="write everything as JSON")
    pair.add_argument(
        "--exit-code", action="store_true", help="exit with 1 if a result differs, as `git diff`"
    )
    pair.set_defaults(run=compare.run)

    whole = commands.add_parser(
        "export",
        help="write all results of a folder to one file, Parquet or CSV",
        description="Write all results of a folder to one tidy table for other tools: one row per "
        "run and measure, with every setting as a column.",
    )
    whole.add_argument("results", type=Path, metavar="RESULTS", help="a folder of results")
    whole.add_argument(
        "--output", type=Path, required=True, metavar="FILE", help="ends in .parquet or .csv"
    )
    whole.add_argument(
        "--lengths", action="store_true", help="also one row per length within each bin"
    )
    whole.set_defaults(run=export.run)

    kept = commands.add_parser(
        "record",
        help="write results as a record, small enough for a repository",
        description="Write the tables of results, compressed and without weights, to a folder that "
        "`fwp compare`, `fwp.load_results` and the documentation site read like results.",
    )
    kept.add_argument("results", type=Path, metavar="RESULTS", help="a folder of results")
    kept.add_argument("output", type=Path, metavar="RECORD", help="the folder of the record")
    kept.set_defaults(run=record.run)

    path = commands.add_parser(
        "snakefile",
        help="print the path of the Snakefile",
        description='Print the path of the Snakefile: snakemake -s "$(fwp snakefile)" --cores all',
    )
    path.set_defaults(run=snakefile.run)

    names = commands.add_parser("list", help="list mixers, languages and ops")
    names.set_defaults(run=listing.run)
    return top


def main(arguments: list[str] | None = None) -> int:
    """Run a command; mistakes of the user end in one message, not in a traceback."""
    options, code = parser().parse_args(arguments), 0
    try:
        with signals.raising():
            code = options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:  # `fwp status | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    # Every error of this package is a ValueError, or the MemoryError that says what to lower.
    except (ValueError, OSError, MemoryError) as error:
        print(f"fwp: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as error:
        print("fwp: interrupted", file=sys.stderr)
        return 128 + getattr(error, "number", signal.SIGINT)
    return code or 0
