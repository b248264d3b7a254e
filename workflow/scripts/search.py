"""Choose the settings of a model on a task by trials."""

from pathlib import Path

from fwp.datasets.spec import DatasetSpec
from fwp.search.settings import SearchSettings
from fwp.status.progress import logging_to
from fwp.utils import signals
from fwp.utils.files import remove_leftovers
from fwp.utils.locks import cell_lock

job, folder = snakemake.params.job, Path(snakemake.output.chosen).parent
with signals.exiting(), cell_lock(folder), logging_to(snakemake.log[0]):
    with signals.deferred():
        # Here, so that a broken installation of PyTorch is told in the log.
        from fwp.kernels import threads
        from fwp.training.search import search_cell
        from fwp.utils import devices

    threads.use(snakemake.threads)
    devices.keep_memory()
    remove_leftovers(folder)
    search_cell(
        job["cell"],
        SearchSettings.from_dict(job["search"]),
        dataset=snakemake.input.dataset,
        chosen=snakemake.output.chosen,
        table=snakemake.output.trials,
        spec=DatasetSpec.from_dict(snakemake.params.spec),
        device=snakemake.resources.device,
    )
