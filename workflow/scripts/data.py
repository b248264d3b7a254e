"""Draw the training and validation strings of a task."""

from fwp.status.progress import logging_to
from fwp.utils import signals

with logging_to(snakemake.log[0]):
    with signals.deferred():
        from fwp.datasets.dataset import save_dataset
        from fwp.datasets.sampling import build_dataset
        from fwp.datasets.spec import DatasetSpec

    spec = DatasetSpec.from_dict(snakemake.params.data["dataset"])
    save_dataset(build_dataset(spec, ("train", "validation")), snakemake.output[0])
