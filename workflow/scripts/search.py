"""Choose the settings of a model on a task by trials."""

from pathlib import Path

from fwp.datasets.spec import DatasetSpec
from fwp.search.settings import SearchSettings
from fwp.status.progress import Progress, Searched, logging_to
from fwp.utils import signals
from fwp.utils.files import remove_leftovers
from fwp.utils.locks import cell_lock

job, folder = snakemake.params.job, Path(snakemake.output.chosen).parent
with signals.exiting(), cell_lock(folder), logging_to(snakemake.log[0]) as log:
    with signals.deferred():
        # Here, so that a broken installation of PyTorch is told in the log.
        from fwp.kernels import threads
        from fwp.training.search import search_cell
        from fwp.utils import devices

    threads.use(snakemake.threads)
    devices.keep_memory()
    remove_leftovers(folder)
    search = SearchSettings.from_dict(job["search"])
    told = {"stage": "search", "trials": search.trials * search.seeds}
    # For `fwp status`; the log has a line per trial instead of a bar.
    with Progress(
        Searched.of(job["cell"]), [], 0, path=folder / "progress.json", stream=log, **told
    ):
        search_cell(
            job["cell"],
            search,
            dataset=snakemake.input.dataset,
            chosen=snakemake.output.chosen,
            table=snakemake.output.trials,
            spec=DatasetSpec.from_dict(snakemake.params.spec),
            device=snakemake.resources.device,
        )
