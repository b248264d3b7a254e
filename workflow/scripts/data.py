"""Draw the training and validation strings of a task."""

from dataclasses import replace

from fwp.progress import logging_to

with logging_to(snakemake.log[0]):
    from fwp import datasets

    data = datasets.build(snakemake.params.data["dataset"])
    splits = {split.name: split for split in [data.train, *data.validation]}
    datasets.save(replace(data, splits=splits), snakemake.output[0])
