"""HTML pages, by the templates in `templates/`."""

from functools import cache
from pathlib import Path

from fwp.report import labels, shades

TEMPLATES = Path(__file__).with_name("templates")


def render(template: str, **values: object) -> str:
    """The page of a template.

    Templates know `labels` (`fwp.report.labels`) and the filters colours and task_title.

    Args:
        template: name of a file in `templates/`.
        values: what the template shows.
    """
    return _environment().get_template(template).render(**values)


@cache
def _environment():
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals["labels"] = labels
    environment.filters["colours"] = colours
    environment.filters["task_title"] = labels.task
    return environment


def colours(share: float) -> str:
    """Style of a cell for a share in [0, 1]: its shade, with letters that can be read on it."""
    background = shades.shade(share)
    return f"background:{background};color:{shades.letters(background)}"
