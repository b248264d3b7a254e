"""Draw the training and validation strings of a task."""

import sys

from fwp.status.progress import logging_to
from fwp.utils import signals

with logging_to(snakemake.log[0]):
    with signals.deferred():
        from fwp.datasets.dataset import save_dataset
        from fwp.datasets.sampling import build_dataset
        from fwp.datasets.spec import DatasetSpec

    spec = DatasetSpec.from_dict(snakemake.params.data["dataset"])
    data = build_dataset(spec, ("train", "validation"))
    save_dataset(data, snakemake.output[0])
    if data.warning:  # into Snakemake's own output too, where it is seen
        for place in (sys.stderr, sys.__stderr__):
            print(f"warning: task {data.task}: {data.warning}", file=place)
