"""Read an automaton out of every seed of a cell that is solved."""

from fwp.datasets.spec import DatasetSpec
from fwp.experiment.cell import TrainedCell
from fwp.results.chosen import filled
from fwp.results.integrity import write_sums
from fwp.results.record import check_cell, read_record, weights_hash
from fwp.status.progress import logging_to
from fwp.utils import signals

with logging_to(snakemake.log[0]):
    with signals.deferred():
        import torch  # here, so that a broken installation is told in the log

        from fwp.analysis.automata import read_out_cell

    torch.set_num_threads(snakemake.threads)
    record = read_record(snakemake.input.record)
    cell = TrainedCell.from_dict(filled(snakemake.params.cell, record["config"]))
    check_cell(snakemake.input.record, record, cell.as_dict())
    read_out_cell(
        cell,
        runs=record["runs"],
        dataset=snakemake.input.dataset,
        weights=snakemake.input.weights,
        sha256=weights_hash(record),
        spec=DatasetSpec.from_dict(snakemake.params.spec),
        output=snakemake.output.machines,
        device=snakemake.resources.device,
        most=snakemake.params.solved_seeds,
    )
    write_sums(snakemake.output.sums, [snakemake.output.machines])
