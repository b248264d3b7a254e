"""A process that keeps freed memory is given no new pages at the next step."""

import os
import platform
import resource

import pytest
import torch

from fwp.utils.devices import keep_memory


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="how memory is kept is glibc's")
def test_memory_that_was_freed_is_used_again_without_new_pages():
    child = os.fork()  # what is set holds for the process
    if not child:
        keep_memory()
        faults = []
        for _ in range(16):
            torch.zeros(2**22)
            faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
        os._exit(faults[-1] - faults[-4] > 100)
    assert os.waitpid(child, 0)[1] == 0
