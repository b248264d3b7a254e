"""Values of options, checked before any work begins."""

import argparse
import os
from pathlib import Path

MOST = 4294967295  # of a seed, as in the config


def threads(text: str) -> int:
    """A number of CPU threads."""
    cores = os.cpu_count() or 1
    return _integer(text, 1, cores, f"an integer from 1 to {cores}, the cores of this machine")


def count(text: str) -> int:
    """A number of things, at least one, such as training steps."""
    return _integer(text, 1, MOST, "an integer of 1 or more")


def seed(text: str) -> int:
    """A seed."""
    return _integer(text, 0, MOST, f"an integer from 0 to {MOST}")


def folder(text: str) -> Path:
    """The name of a folder, which may not be there yet."""
    if not text.strip():
        raise argparse.ArgumentTypeError("must be the name of a folder, got an empty one")
    path = Path(text).expanduser()
    if path.exists() and not path.is_dir():
        raise argparse.ArgumentTypeError(f"must be the name of a folder, got the file {text}")
    return path


def _integer(text: str, least: int, most: int, rule: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = None
    if value is None or not least <= value <= most:
        raise argparse.ArgumentTypeError(f"must be {rule}, got {text}")
    return value
