"""`fwp check fla`: the properties of all layers of flash-linear-attention, as a Markdown table.

Each layer has a process of its own, since a kernel that fails may take its process with it.
"""

import json
import os
import re
import subprocess
import sys
from argparse import Namespace
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib import metadata

from fwp.mixers._signature import SignatureError, layers, read_signature

HIDDEN = 64
SIZES = {
    **{"num_heads": 2, "head_dim": 32, "num_key_value_heads": 2, "expand_ratio": 32},
    **{"intermediate_size": 128, "num_slots": 32, "feature_dim": 16, "topk": 8, "chunk_size": 64},
    **{"state_size": 32, "gate_low_rank_dim": 16, "proj_low_rank_dim": 16, "num_hidden_layers": 2},
}
"""Options that make a layer small, wherever it has them."""

OWN: dict[str, dict] = {
    "HGRN2Attention": {"num_heads": None},
    "LightNetAttention": {"num_heads": None},
    "HGRNAttention": {"expand_ratio": 1},
    "NativeSparseAttention": {"num_heads": 32, "num_kv_heads": 2},
    "MomAttention": {"topk": 2, "num_memories": 4},
}
"""Options of single layers."""

SHOWN = {
    "streamed = whole": "streamed = whole",
    "padded = alone": "padded = alone",
    "causal": "causal",
    "long strings": "long strings",
    "pack = alone": "seeds",
    "gradients": "gradients finite",
}
MARKS = {"ok": "✓", "fails": "✗", "skipped": "–"}
LONGEST = 90  # letters of a remark


def run(options: Namespace) -> None:
    """Print the table; a line per layer goes to stderr meanwhile.

    Raises:
        ValueError: the package is not installed.
    """
    try:
        names = layers()
    except SignatureError as error:
        raise ValueError(f"fla {error}") from None
    jobs = options.jobs or max(1, min(8, (os.cpu_count() or 2) // 2))

    def tried(name: str) -> dict:
        found = try_layer(name, options.device, options.timeout, options.learn)
        print(f"{name}: {_remark(found) or 'ok'}", file=sys.stderr, flush=True)
        return found

    with ThreadPoolExecutor(jobs) as pool:
        found = dict(zip(names, pool.map(tried, names), strict=True))
    print(table(found))


def small(name: str) -> dict:
    """Options that make a layer as small as its kernels allow."""
    known = read_signature(f"fla.{name}").options
    own = {key: value for key, value in SIZES.items() if key in known}
    if {"expand", "head_dim"} <= known.keys() and "num_heads" in known:
        own["num_heads"] = known["expand"].default * HIDDEN // own["head_dim"]  # pyright: ignore
    return own | {key: value for key, value in OWN.get(name, {}).items() if key in known}


def try_layer(name: str, device: str, timeout: float, learn: bool | int = False) -> dict:
    """The results of a layer: {"findings": …, "device": …} or {"error": …, "device": …}."""
    try:
        settings = small(name)
    except SignatureError as error:
        return {"error": str(error)}
    asked = json.dumps({"name": name, "device": device, "learn": learn, "settings": settings})
    command = [sys.executable, "-m", __name__, asked]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
    except subprocess.TimeoutExpired:
        return {"error": f"not within {timeout:g} s"}
    for line in reversed(done.stdout.splitlines()):
        with suppress(ValueError):
            if isinstance(found := json.loads(line), dict):
                return found
    last = (done.stderr.strip().splitlines() or ["no message"])[-1]
    ended = f"signal {-done.returncode}" if done.returncode < 0 else f"exit {done.returncode}"
    return {"error": f"the process ended by {ended}: {last}"}


def table(found: Mapping[str, Mapping]) -> str:
    """The results as Markdown: where they are from, and a row per layer."""
    passed = sum(not _remark(one) for one in found.values())
    rows = [["layer", *SHOWN.values(), "eigenvalues", "remark"]]
    rows += [["---", *[":-:"] * len(SHOWN), "---", "---"]]
    for name, one in found.items():
        of = {finding["name"]: finding for finding in one.get("findings", ())}
        marks = [MARKS[of[key]["verdict"]] if key in of else "" for key in SHOWN]
        linear = _spectrum(of.get("eigenvalues", {"found": ""})["found"])
        rows.append([f"`fla.{name}`", *marks, linear, _remark(one)])
    return "\n".join(
        [f"{passed} of {len(found)} layers pass on {_where(found.values())}.", ""]
        + [f"| {' | '.join(_cell(cell) for cell in row)} |" for row in rows]
    )


def _spectrum(found: str) -> str:
    """The numbers of the sentence on eigenvalues; "" if there are none."""
    numbers, negative, _ = found.partition("; n")
    return re.sub(r"part \d+ of the state: ", "", numbers) if negative else ""


def _where(found: Iterable[Mapping]) -> str:
    told = next((one for one in found if "device" in one), {})
    parts = [told.get("device", "an unknown device")]
    parts += [f"PyTorch {told['torch']}"] if "torch" in told else []
    for title, package in (("Triton", "triton"), ("flash-linear-attention", "fla-core")):
        with suppress(metadata.PackageNotFoundError):
            parts.append(f"{title} {metadata.version(package)}")
    return ", ".join(parts)


def _remark(one: Mapping) -> str:
    """Why a layer does not pass, in few words; "" if it does."""
    text = one.get("error", "")
    for finding in one.get("findings", ()):
        if finding["verdict"] == "fails" and not text:
            text = f"{finding['name']}: {finding['found']}"
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else text[: LONGEST - 1].rstrip() + "…"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _child(asked: str) -> None:
    """Try one layer in this process, and print its findings as a line of JSON."""
    with suppress(ImportError):
        _first_configuration()
    import torch

    from fwp.models.check import check

    of = json.loads(asked)
    device = torch.cuda.get_device_name() if of["device"] == "cuda" else of["device"]
    told = {"device": device, "torch": torch.__version__}
    try:
        findings = check(
            f"fla.{of['name']}",
            hidden=HIDDEN,
            device=of["device"],
            learn=of["learn"],
            **of["settings"],
        )
        told["findings"] = [vars(finding) for finding in findings]
    except Exception as error:  # whatever the layer does
        text = str(error).strip().partition("\n")[0]
        told["error"] = text if isinstance(error, ValueError) else f"{type(error).__name__}: {text}"
    print(json.dumps(told), flush=True)


def _first_configuration() -> None:
    """Compile one configuration of each kernel alone: speed is not what is asked."""
    import triton  # pyright: ignore[reportMissingImports]

    tuned = triton.autotune

    def autotune(configs, key, **settings):
        return tuned(configs[:1], key, **settings)

    triton.autotune = autotune


if __name__ == "__main__":
    _child(sys.argv[1])
