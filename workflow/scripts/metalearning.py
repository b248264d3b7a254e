"""Set what models know of a task before and after another side by side."""

from pathlib import Path

from fwp.status.progress import logging_to
from fwp.utils import signals

with logging_to(snakemake.log[0]):
    with signals.deferred():
        from fwp.metalearning import figure, report
        from fwp.metalearning.job import MetalearningJob
        from fwp.report.figures.style import save
        from fwp.report.labels import shown_as
        from fwp.results.names import Name
        from fwp.utils.files import write_frame, write_text

    jobs = [MetalearningJob(*job) for job in snakemake.params.jobs]
    runs, course = report.collect(jobs, snakemake.input)
    write_frame(snakemake.output.csv, runs)
    write_frame(snakemake.output.course, course)
    with shown_as(Name(**name) for name in snakemake.params.names):
        write_text(snakemake.output.markdown, report.markdown(runs))
        save(figure.forgetting(course), Path(snakemake.output.csv).with_suffix(""))
