"""Set the returns of all agents beside each other."""

from pathlib import Path

from fwp.status.progress import logging_to
from fwp.utils import signals

with logging_to(snakemake.log[0]):
    with signals.deferred():
        from fwp.pomdp import report
        from fwp.report import labels
        from fwp.report.figures.style import save
        from fwp.results.names import Name
        from fwp.utils.files import write_frame, write_text

    table = report.collect(snakemake.params.jobs, snakemake.params.titles, snakemake.input)
    with labels.shown_as(Name(**name) for name in snakemake.params.names):
        write_frame(snakemake.output.csv, table)
        write_text(snakemake.output.markdown, report.markdown(table))
        save(report.figure(table), Path(snakemake.output.csv).with_suffix(""))
