"""Where modules of the user's own are imported from."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path


def make_importable(folders: Sequence[str | Path]) -> None:
    """Let Python look into these folders first, in this order, as jobs of the pipeline do."""
    own = list(dict.fromkeys(os.path.realpath(folder) for folder in folders))
    sys.path[:] = [*own, *(place for place in sys.path if place not in own)]
