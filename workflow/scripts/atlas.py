"""Say of every model and language what is expressible, learnt, and generalises."""

from pathlib import Path

from fwp.status.progress import logging_to
from fwp.utils import signals

with logging_to(snakemake.log[0]):
    with signals.deferred():
        from fwp.constructions import answer
        from fwp.datasets.card_reader import training_lengths
        from fwp.experiment.known_languages import known_language
        from fwp.report.figures.atlas import atlas
        from fwp.report.figures.style import save
        from fwp.report.labels import group, shown_as
        from fwp.report.tables.atlas import write_atlas
        from fwp.results.atlas import Known, answers
        from fwp.results.collect import read_accuracy
        from fwp.results.integrity import write_sums
        from fwp.results.names import read_names
        from fwp.results.unfinished import read_unfinished
        from fwp.utils.files import write_frame

    folder = Path(snakemake.input.results[0]).parent
    out = snakemake.output
    trained = training_lengths(snakemake.input.cards)
    known = {}
    for asked in snakemake.params.questions:
        language = known_language(asked["language"], asked["params"])
        found = answer(asked["mixer"], language, asked["options"])
        known[asked["task"], asked["model"]] = Known(found.verdict, found.source, found.unless)
    with shown_as(read_names(folder / "names.csv")):
        table = answers(
            read_accuracy(folder / "accuracy.csv"),
            trained,
            known=known,
            groups={task: group(task) for task in trained},
            missing=read_unfinished(folder / "missing.csv"),
        )
        write_frame(out.csv, table)
        write_atlas(table, out.markdown)
        save(atlas(table, trained), Path(out.figure).with_suffix(""))
    for path in out.sums:
        write_sums(path, [file for file in out if Path(file).parent == Path(path).parent])
