"""Measure the accuracy of every seed of a trained cell."""

from pathlib import Path

from fwp.experiment.cell import TrainedCell
from fwp.results.record import read_record
from fwp.status.progress import Progress, logging_to
from fwp.utils import signals

with logging_to(snakemake.log[0]) as log:
    with signals.deferred():
        import torch  # here, so that a broken installation is told in the log

        from fwp.training.checkpoint import checkpoint_path
        from fwp.training.evaluate import evaluate_cell

    torch.set_num_threads(snakemake.threads)
    record = read_record(snakemake.input.record)
    progress = Path(snakemake.output[0]).with_name("progress.json")
    epochs = record["config"]["training"]["epochs"]
    cell, seeds = TrainedCell.from_dict(snakemake.params.cell), record["seeds"]
    with Progress(cell, seeds, epochs, stage="evaluate", path=progress, stream=log):
        evaluate_cell(
            cell,
            runs=record["runs"],
            dataset=snakemake.input.dataset,
            weights=snakemake.input.weights,
            output=snakemake.output[0],
            device=snakemake.resources.device,
        )
    # Snakemake has accepted the weights: nothing is left to go on with.
    checkpoint_path(progress.parent).unlink(missing_ok=True)
