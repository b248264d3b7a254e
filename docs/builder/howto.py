"""Pages on how to add something, each put together from the sections of other pages about it."""

from builder.markdown import section

Piece = tuple[str, str]
PAGES: dict[str, tuple[str, str, list[Piece]]] = {
    "docs/add-a-model.md": (
        "Add a model",
        "One file, and the model takes part in the grid and in every property test.",
        [
            ("docs/models.md", "A model of your own"),
            ("CONTRIBUTING.md", "A mixer"),
            ("CONTRIBUTING.md", "An op"),
            ("CONTRIBUTING.md", "A layer"),
        ],
    ),
    "docs/add-a-language.md": (
        "Add a language",
        "One class, or a regular expression, an automaton or a counter machine in the config.",
        [
            ("docs/languages.md", "A language of your own"),
            ("docs/languages.md", "Your own, without code"),
            ("CONTRIBUTING.md", "A language"),
        ],
    ),
    "docs/add-a-claim.md": (
        "Add a claim",
        "A few lines of YAML. Then every report says whether the results support it.",
        [
            ("docs/usage.md", "Claims"),
            ("docs/text.md", "Claims"),
            ("CONTRIBUTING.md", "A claim"),
        ],
    ),
}
"""Path → title, what it takes, and the sections: (page, heading)."""
HIDDEN = (
    "---\nsearch:\n  exclude: true\n---\n"  # the search finds the sections where they are written
)


def pages() -> dict[str, str]:
    """The pages in Markdown, by their paths. MissingError if a section is not there."""
    return {
        path: HIDDEN
        + f"# {title}\n\n{sentence}\n\n"
        + "\n".join(section(*piece, level=2) for piece in pieces)
        for path, (title, sentence, pieces) in PAGES.items()
    }
