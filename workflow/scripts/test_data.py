"""Draw the test strings of a task, or read its test text, and describe all its data."""

import sys

from fwp.status.progress import logging_to
from fwp.utils import signals

with logging_to(snakemake.log[0]):
    with signals.deferred():
        from fwp.datasets.make import make_test
        from fwp.datasets.spec import DatasetSpec

    card = make_test(
        DatasetSpec.from_dict(snakemake.params.data["dataset"]),
        train=snakemake.input.train,
        test=snakemake.output.test,
        card=snakemake.output.card,
    )
    for line in card.get("warnings", []):  # into Snakemake's own output too, where it is seen
        for place in (sys.stderr, sys.__stderr__):
            print(f"warning: task {card['task']}: {line}", file=place)
