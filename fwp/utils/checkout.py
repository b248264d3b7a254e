"""The commit of the code."""

import functools
import os
import subprocess
from pathlib import Path


@functools.cache
def commit() -> str | None:
    """The commit of the checkout that this package lies in; None if it is installed elsewhere."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():  # also a file: worktrees, submodules
        return None
    command = ["git", "-C", str(root), "describe", "--always", "--abbrev=40", "--dirty"]
    try:
        done = subprocess.run(
            [*command, "--exclude=*"],
            env=os.environ | {"GIT_OPTIONAL_LOCKS": "0"},
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None
