"""Whatever a config holds, it is answered in seconds, in little memory and in one message."""

import json
import os
import subprocess
import sys
from pathlib import Path

import bombs
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def answers() -> dict:
    """What a process with limits answers to each config."""
    command = [sys.executable, bombs.__file__]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", bombs.BOMBS)
def test_a_hostile_config_is_answered_in_one_short_message(answers, name):
    said, wanted = answers[name]["said"], bombs.BOMBS[name][1]
    assert not said.startswith(("TIMEOUT", "TRACEBACK")), said
    assert wanted in said if wanted else said == ""
    assert len(said) < 3000
    assert all(len(line) < 500 for line in said.splitlines())
