"""CUDA graphs: a step's hundreds of kernels, launched by one call."""

from collections.abc import Callable, Hashable

import torch
from torch import Tensor


class CudaGraphs:
    """Runs functions of tensors, on a GPU as CUDA graphs; elsewhere they are simply called.

    The first call of a function runs it as it is, which also compiles and allocates what it needs;
    the second captures it; from then on it is replayed. So functions must do the same whatever
    their arguments hold, wait for nothing on the host, and give their results by writing into
    tensors that existed before the call. All calls belong on one stream (see `stream`).
    """

    def __init__(self, device: torch.device):
        self.on_gpu = device.type == "cuda"
        self._known: dict[Hashable, tuple[torch.cuda.CUDAGraph, list[Tensor]] | None] = {}
        self._pool = None

    def run(self, key: Hashable, function: Callable, *inputs: Tensor) -> None:
        """Call `function(*inputs)`; `key` stands for the function and the shapes of its inputs."""
        if not self.on_gpu:
            function(*inputs)
        elif key not in self._known:
            function(*inputs)
            self._known[key] = None
        else:
            known = self._known[key]
            if known is None:
                known = self._known[key] = self._capture(function, inputs)
            graph, own = known
            for place, x in zip(own, inputs, strict=True):
                place.copy_(x)
            graph.replay()

    def _capture(self, function: Callable, inputs: tuple[Tensor, ...]):
        own = [x.clone() for x in inputs]
        graph = torch.cuda.CUDAGraph()
        # Graphs are replayed one after another, and none leaves anything in the pool that another
        # reads: they can share its memory.
        with torch.cuda.graph(graph, pool=self._pool, stream=torch.cuda.current_stream()):
            function(*own)
        self._pool = self._pool or graph.pool()
        return graph, own


def stream(device: str) -> torch.cuda.StreamContext:
    """A context whose kernels run on a stream of its own, as capturing demands; on a GPU only."""
    return torch.cuda.stream(torch.cuda.Stream() if device == "cuda" else None)
