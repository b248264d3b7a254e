"""Measure the accuracy of every seed of a trained cell."""

from pathlib import Path

from fwp.datasets.spec import DatasetSpec
from fwp.experiment.cell import TrainedCell
from fwp.results.chosen import filled
from fwp.results.record import check_cell, read_record, weights_hash
from fwp.status.progress import Progress, logging_to
from fwp.utils import signals
from fwp.utils.locks import cell_lock

folder = Path(snakemake.output.accuracy).parent
# The lock comes first, as in training: another run on the same results may be at work.
with cell_lock(folder), logging_to(snakemake.log[0]) as log:
    with signals.deferred():
        # Here, so that a broken installation of PyTorch is told in the log.
        from fwp.kernels import threads
        from fwp.training.checkpoint import remove_checkpoint
        from fwp.training.evaluate import evaluate_cell, is_evaluated
        from fwp.utils import devices

    threads.use(snakemake.threads)
    devices.keep_memory()
    record = read_record(snakemake.input.record)
    cell = TrainedCell.from_dict(filled(snakemake.params.cell, record["config"]))
    check_cell(snakemake.input.record, record, cell.as_dict())
    files = {
        "dataset": snakemake.input.dataset,
        "output": snakemake.output.accuracy,
        "record": snakemake.output.record,
    }
    # Snakemake has deleted these files before this job, unless a search precedes it.
    if is_evaluated(cell, **files):
        print("another job has evaluated this cell meanwhile, or its weights are as before")
    else:
        epochs, path = record["config"]["training"]["epochs"], folder / "progress.json"
        with Progress(cell, record["seeds"], epochs, stage="evaluate", path=path, stream=log):
            evaluate_cell(
                cell,
                **files,
                runs=record["runs"],
                weights=snakemake.input.weights,
                sha256=weights_hash(record),
                spec=DatasetSpec.from_dict(snakemake.params.spec),
                device=snakemake.resources.device,
            )
    # Snakemake has accepted the weights: nothing is left to go on with.
    remove_checkpoint(folder)
