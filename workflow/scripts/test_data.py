"""Draw the test strings of a task, and describe all its strings."""

from dataclasses import replace

from fwp.status.progress import logging_to
from fwp.utils import signals

with logging_to(snakemake.log[0]):
    with signals.deferred():
        from fwp.datasets.card import describe
        from fwp.datasets.dataset import load_dataset, save_dataset
        from fwp.datasets.sampling import build_dataset
        from fwp.datasets.spec import DatasetSpec
        from fwp.results.integrity import write_sealed

    spec = DatasetSpec.from_dict(snakemake.params.data["dataset"])
    train = load_dataset(snakemake.input[0], spec.task, kinds=("train", "validation"))
    test = build_dataset(spec, ("test",))
    save_dataset(test, snakemake.output.test)
    whole = replace(test, splits=train.splits | test.splits)
    write_sealed(
        snakemake.output.card, describe(whole), [snakemake.input[0], snakemake.output.test]
    )
