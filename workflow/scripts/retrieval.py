"""Set the losses of all memories beside the published ones."""

from pathlib import Path

from fwp.status.progress import logging_to
from fwp.utils import signals

with logging_to(snakemake.log[0]):
    with signals.deferred():
        from fwp.report.figures.style import save
        from fwp.retrieval import grid, report
        from fwp.utils.files import write_frame, write_text

    jobs = [grid.RetrievalJob(*job) for job in snakemake.params.jobs]
    table = report.collect(jobs, snakemake.input)
    write_frame(snakemake.output.csv, table)
    write_text(snakemake.output.markdown, report.markdown(table))
    save(report.figure(table), Path(snakemake.output.csv).with_suffix(""))
