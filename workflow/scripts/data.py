"""Draw the training and validation strings of a task."""

from dataclasses import replace

from fwp.status.progress import logging_to

with logging_to(snakemake.log[0]):
    from fwp.datasets.dataset import save_dataset
    from fwp.datasets.sampling import build_dataset
    from fwp.datasets.spec import DatasetSpec

    data = build_dataset(DatasetSpec.from_dict(snakemake.params.data["dataset"]))
    splits = {split.name: split for split in [data.train, *data.validation]}
    save_dataset(replace(data, splits=splits), snakemake.output[0])
