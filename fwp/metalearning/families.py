"""Families of tasks by name."""

from typing import Any

from fwp.metalearning.tasks import Clusters, Family, Linear, Sinusoids

FAMILIES = ("clusters", "linear", "sinusoids", "images")


def family(name: str, settings: dict[str, Any]) -> Family:
    """A family of tasks.

    Args:
        name: one of `FAMILIES`.
        settings: `ways`, `shots`, `dimensions`, `noise` and `images` of the config's section.

    Raises:
        ValueError: there is no such family, or its images cannot be used.
    """
    sizes = {"ways": settings["ways"], "shots": settings["shots"]}
    if name == "clusters":
        return Clusters(**sizes, dimensions=settings["dimensions"], noise=settings["noise"])
    if name == "linear":
        return Linear(**sizes, dimensions=settings["dimensions"])
    if name == "sinusoids":
        return Sinusoids(**sizes)
    if name == "images":
        from fwp.metalearning.images import Images

        return Images(**sizes, **settings["images"])
    raise ValueError(f"tasks must be of {', '.join(FAMILIES)}, got {name!r}")
