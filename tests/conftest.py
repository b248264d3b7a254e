"""What all tests share."""

import os
import signal

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tests run side by side, one core each

import sys

import pytest

# A shell's background jobs ignore Ctrl-C, and so would what tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def one_thread():
    """PyTorch on one thread: results do not depend on the number of cores, and tests share them."""
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """Skip what needs a GPU where there is none, and keep tests of a group in one process."""
    _name_groups(config, items)
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if marked:
        import torch

        if not torch.cuda.is_available():
            for item in marked:
                item.add_marker(pytest.mark.skip(reason="PyTorch finds no GPU here"))


def _name_groups(config, items):
    """Put the group behind the name of a test, by which pytest-xdist sends it to a process.

    pytest-xdist 3.8 does so in a way that pytest 9.2 ignores.
    """
    if not getattr(config.option, "loadgroup", False):
        return
    for item in items:
        mark = item.get_closest_marker("xdist_group")
        if mark and "@" not in item.nodeid.rpartition("::")[2]:
            from _pytest.nodeid import coerce_node_id

            item._id = coerce_node_id(f"{item.nodeid}@{mark.args[0]}")


@pytest.fixture(autouse=True, scope="module")
def own_plans():
    """Begin without plans of calls that other tests made, perhaps without some of the kernels.

    They end at any time, as their number is bounded. Then the same training has other bits.
    """
    if (plan := sys.modules.get("fwp.kernels.plan")) is not None:
        plan.PLANS.clear()
