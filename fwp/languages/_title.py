"""What a language is called in tables and figures."""

import inspect
from collections.abc import Mapping

from fwp import languages


def titled(language: str, params: Mapping) -> tuple[str, str]:
    """The title of a language with some parameters, and its LaTeX.

    Both are "" where the language has no title, or one with a parameter that is not given; the
    LaTeX is "" where it is the title.
    """
    found = languages.find(language)
    values = {key: p.default for key, p in inspect.signature(found).parameters.items()}
    values.update(params)
    texts = []
    for text in (vars(found).get("title", ""), vars(found).get("latex", "")):
        for key, value in values.items():
            if f"{{{key}}}" in text and value is inspect.Parameter.empty:
                return "", ""
            text = text.replace(f"{{{key}}}", str(value))
        texts.append(text)
    return texts[0], texts[1]
