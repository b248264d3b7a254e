"""Results that several tests read and none changes."""

import pytest
import small_grid


@pytest.fixture(scope="session")
def small_results(tmp_path_factory):
    """The folder of a small experiment that was really trained."""
    return small_grid.write(tmp_path_factory.mktemp("small"))
