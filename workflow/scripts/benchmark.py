"""Measure the speed of ops and of training steps, on one thread, as a training job has it."""

from pathlib import Path

from fwp.status.progress import logging_to
from fwp.utils import signals

with logging_to(snakemake.log[0]):
    with signals.deferred():
        from fwp.benchmarks.run import benchmark
        from fwp.experiment.cell import Cell

    benchmark(
        [Cell.from_dict(cell) for cell in snakemake.params.cells],
        snakemake.params.settings,
        snakemake.resources.device,
        Path(snakemake.output.steps).parent,
    )
