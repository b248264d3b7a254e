"""What all tests share."""

import os
import signal

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tests run side by side, one core each

import pytest

# A shell's background jobs ignore Ctrl-C, and so would what tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def one_thread():
    """PyTorch on one thread: results do not depend on the number of cores, and tests share them."""
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)


def pytest_collection_modifyitems(items):
    """Skip what needs a GPU where there is none."""
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if marked:
        import torch

        if not torch.cuda.is_available():
            for item in marked:
                item.add_marker(pytest.mark.skip(reason="PyTorch finds no GPU here"))
