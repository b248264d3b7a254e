"""Threads of kernels: what they share, forks, calls at the same time, kernels that fail."""

import ctypes
import os
import threading

import pytest
import torch

from fwp.kernels import c_compiler, threads
from fwp.kernels.c_compiler import Unavailable

SOURCE = """
#include <stdint.h>
__attribute__((visibility("default"))) int mark(int64_t begin, int64_t end, double number,
                                                double *marks, int64_t fails) {
    for (int64_t i = begin; i < end; i++) marks[i] += number;
    return begin <= fails && fails < end;
}
"""


@pytest.fixture(scope="module")
def mark(tmp_path_factory):
    """A function of blocks: adds a number to each, and fails at one."""
    source = tmp_path_factory.mktemp("source") / "mark.c"
    source.write_text(SOURCE)
    library = c_compiler.plain_library(source, "mark")
    if isinstance(library, Unavailable):
        pytest.skip(str(library))
    return threads.Shared(library.mark, [ctypes.c_double, ctypes.c_void_p, ctypes.c_int64])


def marked(mark, count, blocks, fails=-1):
    marks = torch.zeros(blocks + 1, dtype=torch.float64)
    failed = mark(count, blocks, (1.5, marks.data_ptr(), fails))
    return marks.tolist(), failed


@pytest.mark.parametrize("count", [1, 2, 3, 5])
@pytest.mark.parametrize("blocks", [1, 2, 3, 7, 64])
def test_every_block_is_computed_once(mark, count, blocks):
    assert marked(mark, count, blocks) == ([1.5] * blocks + [0.0], 0)


def test_a_part_that_fails_is_noticed_whoever_computes_it(mark):
    assert [marked(mark, 3, 9, fails)[1] for fails in (-1, 0, 4, 8)] == [0, 1, 1, 1]


def test_a_fork_has_threads_of_its_own(mark):
    assert marked(mark, 3, 9)[1] == 0
    child = os.fork()
    if not child:
        os._exit(marked(mark, 3, 9) != ([1.5] * 9 + [0.0], 0))
    assert os.waitpid(child, 0)[1] == 0


def test_calls_at_the_same_time_do_not_disturb_each_other(mark):
    wrong = []

    def work():
        for _ in range(200):
            if marked(mark, 2, 8) != ([1.5] * 8 + [0.0], 0):
                wrong.append(True)

    both = [threading.Thread(target=work) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert not wrong


def test_pytorch_has_one_thread_when_kernels_are_given_several(monkeypatch):
    before = torch.get_num_threads()
    monkeypatch.setattr(threads, "_count", None)
    try:
        torch.set_num_threads(2)
        assert threads.count() == 2
        threads.use(3)
        assert (threads.count(), torch.get_num_threads()) == (3, 1)
    finally:
        torch.set_num_threads(before)
