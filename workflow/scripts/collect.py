"""Gather the records of all cells into tidy tables."""

from pathlib import Path

from fwp.status.progress import logging_to
from fwp.utils import signals

with logging_to(snakemake.log[0]):
    with signals.deferred():
        from fwp.results.collect import Wanted, collect_results, write_results
        from fwp.results.integrity import write_sums
        from fwp.results.names import write_names
        from fwp.results.unfinished import write_unfinished

    cells = [Wanted(**own | {"folder": Path(own["folder"])}) for own in snakemake.params.cells]
    write_results(collect_results(cells), Path(snakemake.output.accuracy).parent)
    write_unfinished(snakemake.params.missing, snakemake.output.missing)
    write_names(snakemake.params.names, snakemake.output.names)
    write_sums(snakemake.output.sums, snakemake.output)
