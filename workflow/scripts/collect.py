"""Gather the records of all cells into tidy tables."""

from pathlib import Path

from fwp.progress import logging_to

with logging_to(snakemake.log[0]):
    from fwp import missing, results

    cells = [Path(file).parent for file in snakemake.input]
    results.write(results.collect(cells), Path(snakemake.output.accuracy).parent)
    missing.write(snakemake.params.missing, snakemake.output.missing)
