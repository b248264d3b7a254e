"""Other people's kernels and compilers, to stand beside ours where they are installed.

flash-linear-attention (the extra "fla") has kernels of ops, and layers of whole models. JAX (the
extra "jax") and `torch.compile` compute whole training steps.
"""

import importlib.util
from collections.abc import Callable, Iterator

from torch import Tensor

from fwp.benchmarks import apart
from fwp.experiment.cell import Cell
from fwp.kernels.backend import Backend

# One core, as our process has; on a GPU no more memory than it needs.
JAX_ON_CPU = {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false"}
JAX_ON_GPU = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"}


def installed(names: list[str]) -> list[str]:
    """Those of the peers that can be asked here."""
    return [n for n in names if n == "torch.compile" or importlib.util.find_spec(n) is not None]


def of(name: str, device: str) -> dict[str, Backend]:
    """Backends of the op `name` from other libraries, by the libraries' names.

    flash-linear-attention ("fla", an optional extra) has float32 kernels for GPUs of some ops.
    """
    if device != "cuda" or importlib.util.find_spec("fla") is None:
        return {}
    run = {"delta_rule": _fla_delta_rule, "linear_attention": _fla_linear_attention}.get(name)
    return {} if run is None else {"fla": Backend(run)}


def _fla_delta_rule(q: Tensor, k: Tensor, v: Tensor, beta: Tensor, state: Tensor):
    from fla.ops.delta_rule import fused_recurrent_delta_rule  # pyright: ignore[reportMissingImports]

    return fused_recurrent_delta_rule(q, k, v, beta, scale=1.0, **_streamed(state))


def _fla_linear_attention(q: Tensor, k: Tensor, v: Tensor, state: Tensor):
    from fla.ops.linear_attn import fused_recurrent_linear_attn  # pyright: ignore[reportMissingImports]

    return fused_recurrent_linear_attn(q, k, v, scale=1.0, normalize=False, **_streamed(state))


def _streamed(state: Tensor) -> dict:
    """With the state in which to begin. Its backward pass fails on one that takes no gradient."""
    if not state.requires_grad:
        state = state.detach().requires_grad_()
    return {"initial_state": state, "output_final_state": True}


# Whole steps --------------------------------------------------------------------------------------


def jax_steps(
    cell: Cell, sizes: list[dict], device: str, budget: float, _: float
) -> Iterator[dict]:
    """The model in JAX (`fwp.benchmarks.jax_peer`), in each way to compute it."""
    arguments = {"cell": cell.as_dict(), "sizes": sizes, "device": device, "budget": budget}
    environment = JAX_ON_CPU if device == "cpu" else JAX_ON_GPU
    function = "fwp.benchmarks.jax_peer.training:measured"
    # On a GPU, compilers may use all cores: nothing is timed meanwhile.
    alone = device == "cpu"
    answer = apart.call(function, arguments, one_core=alone, environment=environment)
    if answer.reason:
        yield {**sizes[0], "note": answer.reason}
    else:
        yield from answer.value


def compiled_steps(
    cell: Cell, sizes: list[dict], device: str, budget: float, patience: float
) -> Iterator[dict]:
    """Our loops under `torch.compile`: one seed, at the cell's own batch size."""
    size = next((size for size in sizes if size["pack"] == 1), None)
    if size is None:
        return
    arguments = {"cell": cell.as_dict(), "size": size, "device": device, "budget": budget}
    function, alone = "fwp.benchmarks.compiled:seconds", device == "cpu"
    answer = apart.call(function, arguments, limit=patience, one_core=alone)
    if answer.reason:
        yield {**size, "note": answer.reason}
    else:
        note = f"compiled in {answer.value['compiling']:.0f} s"
        yield {**size, "seconds": answer.value["seconds"], "note": note}


def fla_steps(
    cell: Cell, sizes: list[dict], device: str, budget: float, patience: float
) -> Iterator[dict]:
    """The same model of flash-linear-attention's layers, on a GPU: one seed."""
    if device != "cuda":
        yield {**sizes[0], "note": "flash-linear-attention runs only on a GPU"}
        return
    for size in sizes:
        if size["pack"] != 1:
            continue
        for way in ("eager", "compile"):
            arguments = {"cell": cell.as_dict(), "size": size, "budget": budget, "way": way}
            answer = apart.call("fwp.benchmarks.fla_peer:seconds", arguments, limit=patience)
            found = {"note": answer.reason} if answer.reason else answer.value
            yield {**size, "way": way, **found}


STEPS: dict[str, Callable[..., Iterator[dict]]] = {
    "fla": fla_steps,
    "jax": jax_steps,
    "torch.compile": compiled_steps,
}
"""By name of a peer: a function of cell, sizes (pack, batch, length), device, budget and patience
that yields rows with `seconds` of a whole pack, or `note`."""
