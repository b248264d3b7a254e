"""Measure how time and memory grow with the sizes of a training step, and with the grid."""

from pathlib import Path

from fwp.status.progress import logging_to
from fwp.utils import signals

with logging_to(snakemake.log[0]):
    with signals.deferred():
        from fwp.benchmarks.run import growth
        from fwp.experiment.cell import Cell

    growth(
        [Cell.from_dict(cell) for cell in snakemake.params.cells],
        snakemake.params.settings,
        snakemake.resources.device,
        Path(snakemake.output.table).parent,
        snakemake.params.snakefile,
    )
