"""The command line: `python -m fwp` (or `fwp`, once installed)."""

import argparse
import os
import signal
import sys
from pathlib import Path

from fwp import __version__
from fwp.utils import signals

EXAMPLES = """\
examples:
  fwp train --model deltanet --task parity            one cell of config.yaml, here and now
  fwp train --model srwm --task parity --set training.epochs=5 --set models.srwm.hidden=32
  fwp status                                          how far the grid is
  fwp check my_module:MyMixer --set heads=2           does it compute what a mixer must?
  fwp list                                            which models and languages there are

The whole grid is Snakemake's work: snakemake --cores all
"""


def parser() -> argparse.ArgumentParser:
    """The options, in one place."""
    top = argparse.ArgumentParser(
        prog="fwp",
        description="Fast weight programmers on formal languages: train a cell, look at the grid.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"fwp {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="command")

    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--config",
        type=Path,
        default=Path("config.yaml"),
        metavar="FILE",
        help="the experiment (default: %(default)s)",
    )
    shared.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change a key of the config, such as training.epochs=5; may be given several times",
    )

    train = commands.add_parser(
        "train",
        parents=[shared],
        help="train one cell of the config and measure it",
        description="Train one cell of the config, show its progress, and print its accuracy.",
    )
    train.add_argument("--model", required=True, help="a model of the config")
    train.add_argument("--task", required=True, help="a task of the config")
    train.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    train.add_argument(
        "--device", default="auto", choices=["auto", "cpu", "cuda"], help="default: %(default)s"
    )
    train.add_argument("--threads", type=int, help="CPU threads (default: one per core)")
    train.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="keep weights, history, record and accuracies there, and go on there if interrupted "
        "(default: keep nothing)",
    )
    train.set_defaults(run=_train)

    status = commands.add_parser("status", parents=[shared], help="show the grid as a board")
    status.add_argument("--watch", action="store_true", help="renew the board until Ctrl-C")
    status.set_defaults(run=_status)

    check = commands.add_parser("check", help="try a mixer in the properties that each must have")
    check.add_argument("mixer", help="my_module:MyMixer, or the name of a mixer")
    check.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="OPTION=VALUE",
        help="an option of the mixer, or hidden, its width; may be given several times",
    )
    check.add_argument(
        "--config", type=Path, metavar="FILE", help="look for modules beside it, too"
    )
    check.add_argument("--device", default="cpu", choices=["cpu", "cuda"], help="default: cpu")
    check.set_defaults(run=_check)

    listing = commands.add_parser("list", help="list mixers, languages and ops")
    listing.set_defaults(run=_list)
    return top


def main(arguments: list[str] | None = None) -> int:
    """Run a command; mistakes of the user end in one message, not in a traceback."""
    options = parser().parse_args(arguments)
    try:
        with signals.raising():
            options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:  # `fwp status | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (ValueError, OSError) as error:  # every error of this package is a ValueError
        print(f"fwp: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as error:
        print("fwp: interrupted", file=sys.stderr)
        return 128 + getattr(error, "number", signal.SIGINT)
    return 0


def _experiment(options):
    from fwp.experiment import experiment

    return experiment.load_experiment(options.config, changes=options.set)


def _status(options) -> None:
    experiment = _experiment(options)
    from fwp.report.labels import shown_as
    from fwp.status.board import show

    with shown_as(experiment.names()):
        show(experiment, watch=options.watch)


def _list(_) -> None:
    from fwp import languages, mixers, ops

    print("mixers:    " + "  ".join(mixers.names()))
    print("languages: " + "  ".join(languages.names()))
    print("ops:       " + "  ".join(ops.names()))


def _check(options) -> None:
    from fwp.models.check import read_options, try_properties

    beside = [options.config.parent] if options.config else []
    settings = {"hidden": 16} | read_options(options.set)
    fails = 0
    for finding in try_properties(options.mixer, [*beside, Path()], options.device, **settings):
        print(finding, flush=True)
        fails += finding.verdict == "fails"
    if fails:
        raise ValueError(f"{options.mixer} fails in {fails} of its properties")


def _train(options) -> None:
    experiment = _experiment(options)
    cell = experiment.cell(options.model, options.task)
    # Only now, so that a mistake in the config is told at once: importing PyTorch takes a second.
    import contextlib
    import tempfile

    with signals.deferred():  # an exception within the import of PyTorch would be swallowed
        import torch

    from fwp.datasets.dataset import save_dataset
    from fwp.datasets.sampling import build_dataset
    from fwp.results.record import read_record, weights_hash
    from fwp.status.progress import Progress
    from fwp.training.checkpoint import Checkpoint, checkpoint_path, remove_checkpoint
    from fwp.training.evaluate import evaluate_cell
    from fwp.training.train import train_cell
    from fwp.utils.locks import cell_lock

    if options.threads:
        torch.set_num_threads(options.threads)
    with contextlib.ExitStack() as stack:
        scratch = stack.enter_context(tempfile.TemporaryDirectory())
        folder = options.output or Path(scratch)
        stack.enter_context(cell_lock(folder))
        data = build_dataset(experiment.dataset(options.task))
        dataset, weights = folder / "data.npz", folder / "model.safetensors"
        save_dataset(data, dataset)
        with Progress(cell, [options.seed], cell.training.epochs) as progress:
            runs = train_cell(
                cell,
                [options.seed],
                dataset=dataset,
                weights=weights,
                history=folder / "history.csv",
                record=folder / "cell.json",
                device=options.device,
                callback=progress,
                checkpoint=Checkpoint(checkpoint_path(folder)),
            )
        run = runs[0]
        print(
            f"{run.status} after {run.epochs} epochs and {run.seconds:.0f} s; "
            f"the weights are those of epoch {run.best_epoch}"
        )
        accuracies = folder / "accuracy.csv"
        record = read_record(folder / "cell.json")
        evaluate_cell(
            cell.trained,
            runs=record["runs"],
            dataset=dataset,
            weights=weights,
            output=accuracies,
            record=folder / "evaluation.json",
            sha256=weights_hash(record),
            device=options.device,
        )
        remove_checkpoint(folder)
        _print_accuracy(accuracies)
        if options.output:
            print(f"everything is in {options.output}")


def _print_accuracy(path: Path) -> None:
    import csv

    print(f"\n{'test strings of':>15} {'strings':>8} {'all right':>10} {'positions':>10}")
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if not row["length"]:
                print(
                    f"{row['bin'] + ' symbols':>15} {row['strings']:>8} "
                    f"{float(row['sequence_accuracy']):>10.1%} "
                    f"{float(row['position_accuracy']):>10.1%}"
                )
