"""Draw the test strings of a task, and describe all its strings."""

from dataclasses import replace

from fwp.progress import logging_to

with logging_to(snakemake.log[0]):
    from fwp import datasets
    from fwp.files import write_json

    data = datasets.build(snakemake.params.data["dataset"])
    splits = {split.name: split for split in data.test}
    datasets.save(replace(data, splits=splits), snakemake.output.test)
    write_json(snakemake.output.card, datasets.describe(data))
