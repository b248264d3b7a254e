"""Where the computation runs."""

import torch


def pick(name: str = "auto") -> str:
    """Resolve `auto` to `cuda` where there is a GPU, else to `cpu`; those two stay as they are.

    Raises:
        ValueError: another name, or `cuda` where PyTorch finds no GPU.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise ValueError(f"device must be auto, cpu or cuda, got {name!r}")
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise ValueError("device is cuda, but PyTorch finds no GPU here; use auto or cpu")
    return ("cuda" if available else "cpu") if name == "auto" else name
