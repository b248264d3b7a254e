"""The experiment that a command is about: configs, and what changes them."""

from argparse import Namespace
from typing import TYPE_CHECKING

from fwp.utils.suggest import suggestion

if TYPE_CHECKING:
    from fwp.experiment.experiment import Experiment


def load(options: Namespace) -> "Experiment":
    """The experiment of the options --config and --set.

    Raises:
        ConfigError: with everything that is wrong with it.
    """
    from fwp.experiment.experiment import load_experiment

    return load_experiment(*options.config, changes=options.set)


def require(option: str, name: str, known: list[str]) -> None:
    """ValueError unless the value of an option is a known name."""
    if name not in known:
        raise ValueError(
            f"{option} must be one of {', '.join(known)}{suggestion(name, known)}, got {name!r}"
        )
