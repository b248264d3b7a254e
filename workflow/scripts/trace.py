"""Follow the states of every seed of a cell along the longest test strings."""

from fwp.experiment.cell import TrainedCell
from fwp.results.record import read_record
from fwp.status.progress import logging_to
from fwp.utils import signals

with logging_to(snakemake.log[0]):
    with signals.deferred():
        import torch  # here, so that a broken installation is told in the log

        from fwp.analysis.traces import trace_cell

    torch.set_num_threads(snakemake.threads)
    trace_cell(
        TrainedCell.from_dict(snakemake.params.cell),
        seeds=read_record(snakemake.input.record)["seeds"],
        strings=snakemake.params.strings,
        dataset=snakemake.input.dataset,
        weights=snakemake.input.weights,
        states=snakemake.output.states,
        positions=snakemake.output.positions,
        device=snakemake.resources.device,
    )
