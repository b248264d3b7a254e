"""Checks of the sizes that options of mixers give."""


def at_least_one(**sizes: int) -> None:
    """Raise ValueError unless all sizes, given by name, are at least 1."""
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"{name} must be at least 1, got {size}")
