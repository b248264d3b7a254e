"""Tables and figures of the automata that were read out of models."""

import json
from pathlib import Path

from fwp.status.progress import logging_to
from fwp.utils import signals

with logging_to(snakemake.log[0]):
    with signals.deferred():
        from fwp.languages._machine import from_json
        from fwp.report import labels
        from fwp.report.figures.automaton import automata
        from fwp.report.figures.style import save
        from fwp.report.tables.automata import summary, write_automata
        from fwp.results.integrity import check_sum
        from fwp.results.names import Name

    for file in snakemake.input:
        check_sum(file)
    records = [json.loads(Path(file).read_text(encoding="utf-8")) for file in snakemake.input]
    out = snakemake.output
    with labels.shown_as(Name(**name) for name in snakemake.params.names):
        write_automata(summary(records), csv=out.csv, markdown=out.markdown)
        cells = {}
        for record in records:
            cells.setdefault((record["task"], record["model"]), []).append(record)
        for (task, model), own in cells.items():
            drawn = [(labels.task(task), from_json(own[0]["language"]))]
            for seed in [seed for record in own for seed in record["seeds"]]:
                if seed["status"] == "solved":
                    machine = from_json(seed["machine"])
                    drawn.append((f"{labels.model(model)}, seed {seed['seed']}", machine))
            save(automata(drawn), Path(out.csv).parent / "automata" / task / model)
