"""Measure how every seed of a cell keeps its states apart along the longest test strings."""

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

        from fwp.analysis.control import control_cell

    torch.set_num_threads(snakemake.threads)
    record = read_record(snakemake.input.record)
    cell = TrainedCell.from_dict(filled(snakemake.params.cell, record["config"]))
    check_cell(snakemake.input.record, record, cell.as_dict())
    spec = DatasetSpec.from_dict(snakemake.params.spec)
    control_cell(
        cell,
        runs=record["runs"],
        training=spec.train.max_length,
        strings=snakemake.params.strings,
        dataset=snakemake.input.dataset,
        weights=snakemake.input.weights,
        sha256=weights_hash(record),
        spec=spec,
        output=snakemake.output.control,
        device=snakemake.resources.device,
    )
    write_sums(snakemake.output.sums, [snakemake.output.control])
