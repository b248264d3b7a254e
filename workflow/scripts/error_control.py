"""Table, figure and chapter of error control: why models fail."""

import json
from pathlib import Path

from fwp.status.progress import logging_to
from fwp.utils import signals

with logging_to(snakemake.log[0]):
    with signals.deferred():
        from fwp.report import labels
        from fwp.report.figures import error_control as figures
        from fwp.report.figures.style import save
        from fwp.report.tables import error_control as tables
        from fwp.report.tables.automata import summary
        from fwp.results.horizon import horizons
        from fwp.results.integrity import check_sum
        from fwp.results.names import Name
        from fwp.utils.files import write_frame

    def read(files):
        for file in files:
            check_sum(file)
        return [json.loads(Path(file).read_text(encoding="utf-8")) for file in files]

    records, out = read(snakemake.input.control), snakemake.output
    found = horizons(records)
    shares = tables.same_automata(summary(read(snakemake.input.automata)))
    moved, clusters = tables.moves(records), tables.clusters(records)
    files = (out.csv, out.shares, out.moved, out.clusters)
    for file, frame in zip(files, (found, shares, moved, clusters), strict=True):
        write_frame(file, frame)
    with labels.shown_as(Name(**name) for name in snakemake.params.names):
        tables.write_chapter(found, shares, moved, clusters, markdown=out.markdown)
        figure = figures.error_control(figures.along(records), found)
        save(figure, Path(out.figure).with_suffix(""))
