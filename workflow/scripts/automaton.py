"""Read an automaton out of every seed of a cell that is solved."""

from fwp.experiment.cell import TrainedCell
from fwp.results.record import read_record
from fwp.status.progress import logging_to
from fwp.utils import signals

with logging_to(snakemake.log[0]):
    with signals.deferred():
        import torch  # here, so that a broken installation is told in the log

        from fwp.analysis.automata import read_out_cell

    torch.set_num_threads(snakemake.threads)
    read_out_cell(
        TrainedCell.from_dict(snakemake.params.cell),
        runs=read_record(snakemake.input.record)["runs"],
        dataset=snakemake.input.dataset,
        weights=snakemake.input.weights,
        output=snakemake.output[0],
        device=snakemake.resources.device,
    )
