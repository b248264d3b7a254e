"""HTML pages, by the templates in `templates/`."""

from functools import cache
from pathlib import Path

from fwp.report import labels

TEMPLATES = Path(__file__).with_name("templates")


def render(template: str, **values: object) -> str:
    """The page of a template.

    Templates know `labels` (`fwp.report.labels`) and the filters shade and verdict.

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
    environment.filters["shade"] = shade
    return environment


def shade(share: float) -> str:
    """Colours of a cell for a share in [0, 1]: from white to dark blue, with letters to match."""
    red, green, blue = (round(255 + (dark - 255) * share) for dark in (16, 62, 120))
    colour = "#fff" if share > 0.7 else "#1b1b1b"
    return f"background:rgb({red},{green},{blue});color:{colour}"
