"""Train a model to learn tasks from streams."""

from fwp.status.progress import logging_to
from fwp.utils import signals

with logging_to(snakemake.log[0]):
    with signals.deferred():
        import torch

        from fwp.metalearning import training
        from fwp.utils import devices
        from fwp.utils.files import write_json

    torch.set_num_threads(snakemake.threads)
    device = devices.pick(snakemake.resources.device)
    write_json(snakemake.output[0], training.run(**snakemake.params.run, device=device))
