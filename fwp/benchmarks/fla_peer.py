"""A training step of the same model built of flash-linear-attention's layers, in plain PyTorch.

As its users train: matrix products in bfloat16 by autocast, float32 weights, PyTorch's fused Adam.
"""

import importlib
import time
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fwp.benchmarks.ops import fastest
from fwp.benchmarks.workload import BATCHES
from fwp.config.settings import ModelSettings
from fwp.experiment.cell import Cell

LAYERS: dict[str, tuple[str, str, Callable[[int, dict], dict]]] = {
    "linear_transformer": (
        "linear_attn",
        "LinearAttention",
        lambda hidden, options: {
            "hidden_size": hidden,
            "num_heads": options["heads"],
            "feature_map": "elu",
            "output_norm": "identity",
        },
    ),
    "deltanet": (
        "delta_net",
        "DeltaNet",
        lambda hidden, options: {
            "hidden_size": hidden,
            "num_heads": options["heads"],
            "use_short_conv": bool(options["conv_size"]),
            "qk_activation": "silu" if options["feature_map"] == "silu_l2" else "elu",
            "qk_norm": "l2" if options["feature_map"] == "silu_l2" else "sum",
        },
    ),
    "gated_deltanet": (
        "gated_deltanet",
        "GatedDeltaNet",
        lambda hidden, options: {
            "hidden_size": hidden,
            "num_heads": options["heads"],
            "head_dim": hidden // options["heads"],
            "expand_v": 1,
            "use_short_conv": bool(options["conv_size"]),
        },
    ),
}
"""By mixer: the layer's module and class, and its arguments from width and options."""


class Block(nn.Module):
    """A layer of the package and a feed-forward part, each with a norm before it and a skip."""

    def __init__(self, settings: ModelSettings):
        super().__init__()
        module, name, arguments = LAYERS[settings.mixer]
        kind = getattr(importlib.import_module(f"fla.layers.{module}"), name)
        hidden, inner = settings.hidden, round(settings.hidden * settings.feed_forward)
        self.mixer = kind(**arguments(hidden, dict(settings.options)), layer_idx=0)
        self.norm, self.feed_forward_norm = nn.LayerNorm(hidden), nn.LayerNorm(hidden)
        self.inner, self.outer = nn.Linear(hidden, inner), nn.Linear(inner, hidden)

    def forward(self, x: Tensor) -> Tensor:
        """Map x [B, T, hidden] to the same."""
        x = x + self.mixer(self.norm(x))[0]
        return x + self.outer(self.inner(self.feed_forward_norm(x)).relu())


class Model(nn.Module):
    """Embedding, blocks and readout.

    Raises:
        ValueError: the package has no layer like this mixer, or the wiring is another one.
    """

    def __init__(self, settings: ModelSettings, symbols: int):
        super().__init__()
        if settings.mixer not in LAYERS:
            raise ValueError(f"flash-linear-attention has no layer like {settings.mixer}")
        if settings.wiring not in (None, "pre_norm"):
            raise ValueError(f"models of its layers are wired pre_norm, not {settings.wiring}")
        self.embedding = nn.Embedding(symbols, settings.hidden)
        self.blocks = nn.Sequential(*(Block(settings) for _ in range(settings.layers)))
        self.readout = nn.Linear(settings.hidden, symbols)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map tokens [B, T] to logits [B, T, symbols]."""
        return self.readout(self.blocks(self.embedding(tokens)))


def seconds(
    cell: dict, size: dict, budget: float, way: str = "eager", device: str = "cuda"
) -> dict:
    """Seconds of a training step of a cell, and a note on how long the first one took.

    Args:
        cell: as a dictionary.
        size: batch and length, and symbols if not 2.
        budget: seconds after which it is not repeated any more.
        way: eager, or compile for `torch.compile`.
        device: on which.
    """
    settings, training = Cell.from_dict(cell).model, Cell.from_dict(cell).training
    symbols = size.get("symbols", 2)
    tokens, targets = torch.randint(symbols, (2, size["batch"], size["length"]), device=device)
    model: Any = Model(settings, symbols).to(device)
    adam = torch.optim.Adam(model.parameters(), lr=0.0, betas=training.betas, fused=True)
    forward = torch.compile(model) if way == "compile" else model

    def step() -> None:
        adam.zero_grad(set_to_none=True)
        with torch.autocast(device, torch.bfloat16):
            logits = forward(tokens)
        F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten()).backward()
        if training.clip is not None:
            nn.utils.clip_grad_norm_(model.parameters(), training.clip)
        adam.step()

    start = time.perf_counter()
    step()
    if device == "cuda":
        torch.cuda.synchronize()
    took = time.perf_counter() - start
    found = fastest(lambda: [step() for _ in range(BATCHES)], device, budget) / BATCHES
    return {"seconds": found, "note": f"compiled in {took:.0f} s"}
