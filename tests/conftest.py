"""What all tests share."""

import gc
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
    """Skip what needs a GPU where there is none; keep groups in one process, the longest first."""
    if getattr(config.option, "loadgroup", False):
        _begin_with_the_longest(items)
        _name_groups(items)
    _skip_without_gpu(config, items)


def _skip_without_gpu(config, items):
    """One skip speaks for all cases of a test: there are hundreds, and a skip is not free."""
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if not marked:
        return
    import torch

    if torch.cuda.is_available():
        return
    cases = {}
    for item in marked:
        cases.setdefault(item.nodeid.partition("[")[0], []).append(item)
    for first, *others in cases.values():
        more = f" ({1 + len(others)} cases)" if others else ""
        first.add_marker(pytest.mark.skip(reason=f"PyTorch finds no GPU here{more}"))
    left_out = {item for _, *others in cases.values() for item in others}
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=[*left_out])


def pytest_collection_finish():
    """Let the garbage collector pass over what stays: thousands of tests and all libraries."""
    gc.collect()
    gc.freeze()


def _begin_with_the_longest(items):
    """Begin with tests of the workflow: a file of minutes, begun last, keeps one process alone."""
    items.sort(key=lambda item: item.get_closest_marker("workflow") is None)


def _name_groups(items):
    """Put the group behind the name of a test, by which pytest-xdist sends it to a process.

    pytest-xdist 3.8 does so in a way that pytest 9.2 ignores.
    """
    for item in items:
        mark = item.get_closest_marker("xdist_group")
        if mark and "@" not in item.nodeid.rpartition("::")[2]:
            from _pytest.nodeid import coerce_node_id

            item._id = coerce_node_id(f"{item.nodeid}@{mark.args[0]}")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Give a process whole files: what the tests of a file share is then made only once.

    It is also a third of the work for pytest-xdist, whose time grows with the square of the units.
    """
    if config.option.dist != "loadgroup":
        return None
    from xdist.scheduler import LoadGroupScheduling

    class Files(LoadGroupScheduling):
        def _split_scope(self, nodeid):
            scope = super()._split_scope(nodeid)  # a group, or else the test itself
            return scope.partition("::")[0]

    config.option.loadscopereorder = False  # files of a folder stay together
    return Files(config, log)


@pytest.fixture(autouse=True, scope="module")
def own_plans():
    """Begin without plans of calls that other tests made, perhaps without some of the kernels.

    They end at any time, as their number is bounded. Then the same training has other bits.
    """
    if (plan := sys.modules.get("fwp.kernels.plan")) is not None:
        plan.PLANS.clear()
