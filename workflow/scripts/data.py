"""Draw the training and validation strings of a task, or read its text."""

import sys

from fwp.status.progress import logging_to
from fwp.utils import signals

with logging_to(snakemake.log[0]):
    with signals.deferred():
        from fwp.datasets.make import make_training
        from fwp.datasets.spec import DatasetSpec

    data = make_training(
        DatasetSpec.from_dict(snakemake.params.data["dataset"]), snakemake.output[0]
    )
    if data.warning:  # into Snakemake's own output too, where it is seen
        for place in (sys.stderr, sys.__stderr__):
            print(f"warning: task {data.task}: {data.warning}", file=place)
