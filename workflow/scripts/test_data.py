"""Draw the test strings of a task that are longer, and describe all its strings."""

from dataclasses import replace

from fwp.status.progress import logging_to

with logging_to(snakemake.log[0]):
    from fwp.datasets.card import describe
    from fwp.datasets.dataset import load_dataset, save_dataset
    from fwp.datasets.sampling import build_dataset
    from fwp.datasets.spec import DatasetSpec
    from fwp.results.integrity import write_sealed

    spec = DatasetSpec.from_dict(snakemake.params.data["dataset"])
    drawn = load_dataset(snakemake.input[0], spec.task, kinds=("train", "validation"))
    data = build_dataset(spec, drawn)
    splits = {split.name: split for split in data.test}
    save_dataset(replace(data, splits=splits), snakemake.output.test)
    write_sealed(snakemake.output.card, describe(data), [snakemake.input[0], snakemake.output.test])
