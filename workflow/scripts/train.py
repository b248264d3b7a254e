"""Train the seeds of a cell."""

from pathlib import Path

from fwp.progress import Progress, logging_to

job = snakemake.params.job
with logging_to(snakemake.log[0]) as log:
    import torch  # here, so that a broken installation is told in the log

    from fwp.training import train_cell

    torch.set_num_threads(snakemake.threads)
    progress = Path(snakemake.output.record).with_name("progress.json")
    epochs = job["cell"]["training"]["epochs"]
    with Progress(job["cell"], job["seeds"], epochs, path=progress, stream=log) as observer:
        train_cell(
            job["cell"],
            job["seeds"],
            dataset=snakemake.input.dataset,
            weights=snakemake.output.weights,
            history=snakemake.output.history,
            record=snakemake.output.record,
            device=snakemake.resources.device,
            observer=observer,
        )
