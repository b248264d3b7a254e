"""Set the losses of all memories beside the published ones."""

from pathlib import Path

from fwp.progress import logging_to

with logging_to(snakemake.log[0]):
    from fwp.figures.style import save
    from fwp.files import atomic, write_text
    from fwp.retrieval import grid, report

    jobs = [grid.Job(*job) for job in snakemake.params.jobs]
    table = report.collect(jobs, snakemake.input)
    with atomic(snakemake.output.csv) as temporary:
        table.to_csv(temporary, index=False)
    write_text(snakemake.output.markdown, report.markdown(table))
    save(report.figure(table), Path(snakemake.output.csv).with_suffix(""))
