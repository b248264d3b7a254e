"""Train the seeds of a cell."""

from pathlib import Path

from fwp.datasets.spec import DatasetSpec
from fwp.experiment.cell import Cell
from fwp.results.chosen import read_chosen, settled
from fwp.status.progress import Progress, logging_to
from fwp.utils import signals
from fwp.utils.files import remove_leftovers
from fwp.utils.locks import cell_lock

seeds = snakemake.params.job["seeds"]
folder = Path(snakemake.output.record).parent
files = {
    "dataset": snakemake.input.dataset,
    "weights": snakemake.output.weights,
    "history": snakemake.output.history,
    "record": snakemake.output.record,
}
# The lock comes first: the log belongs to the job that trains.
with signals.exiting(), cell_lock(folder), logging_to(snakemake.log[0]) as log:
    with signals.deferred():
        # Here, so that a broken installation of PyTorch is told in the log.
        from fwp.kernels import threads
        from fwp.training.checkpoint import Checkpoint, checkpoint_path
        from fwp.training.sized import sized
        from fwp.training.train import is_trained, train_cell
        from fwp.utils import devices

    threads.use(snakemake.threads)
    devices.keep_memory()
    remove_leftovers(folder)
    planned = snakemake.params.job["cell"]
    for path in snakemake.input.chosen:
        planned = settled(planned, read_chosen(path))
    cell = Cell.from_dict(sized(planned, files["dataset"]))
    # Snakemake has deleted these files before this job, unless a search precedes it: what is there
    # now is another job's work, or was trained with the settings that the search chose again.
    if is_trained(cell, seeds, **files):
        chosen = "the search chose the same settings as before, and "
        other = "another job has trained this cell meanwhile"
        print(f"{chosen}this cell is trained" if snakemake.input.chosen else other)
    else:
        path = folder / "progress.json"
        with Progress(cell, seeds, cell.training.epochs, path=path, stream=log) as callback:
            train_cell(
                cell,
                seeds,
                **files,
                spec=DatasetSpec.from_dict(snakemake.params.spec),
                device=snakemake.resources.device,
                callback=callback,
                checkpoint=Checkpoint(checkpoint_path(folder)),
            )
