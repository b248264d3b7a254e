"""Where texts come from: one place that asks the readers of every kind of source."""

from collections.abc import Iterator

from fwp.datasets.spec import TaskSettings

SOURCES = {
    "text": ("files", "package", "generator"),
    "translation": ("files", "catalogues", "package"),
}


def faults(task: TaskSettings) -> Iterator[str]:
    """A line for every mistake that is seen without reading all of a text: "text.files: …"."""
    kinds = SOURCES[task.kind]
    given = [key for key in kinds if task.params[key] is not None]
    if len(given) != 1:
        found = f"got {' and '.join(given)}" if given else "got none of them"
        yield f"{task.kind}: must have exactly one of {', '.join(kinds)}; {found}"
        return
    if given == ["generator"]:
        from fwp.datasets.text.generators import check_generator as check
    elif task.kind == "text":
        from fwp.datasets.text.check import check_corpus as check
    else:
        from fwp.datasets.text.pair_check import check_pairs as check
    yield from check(dict(task.params))


def files_of(task: TaskSettings) -> list[str]:
    """The files on disk that a text is read from."""
    if task.kind == "translation":
        from fwp.datasets.text.pairs import pair_files

        return pair_files(dict(task.params))
    from fwp.datasets.text.corpus import corpus_files

    return corpus_files(dict(task.params))
