"""How fast a training step of each model is, against its floor and against named peers.

The floor is the time that the step's matrix products would take at the rate of a large one, on the
same device and number of threads. PyTorch counts them while the step runs with the reference
recurrences; what is not a matrix product (norms, softmax, outer products, Adam) counts as nothing.
"""

from collections.abc import Iterable, Iterator, Sequence

from fwp.benchmarks import peers
from fwp.benchmarks.ops import fastest, matrix_product_rate
from fwp.benchmarks.workload import has_op, models_of, operations, reference, train_step
from fwp.experiment.cell import Cell
from fwp.training import cuda_graphs
from fwp.utils.denormals import flushing_denormals

OURS, LOOPS = "fwp", "loops"


def measure(
    cells: Iterable[Cell],
    *,
    lengths: Sequence[int] = (50,),
    batches: Sequence[int] = (),
    packs: Sequence[int] = (1,),
    symbols: int = 2,
    others: Sequence[str] = (),
    device: str = "cpu",
    budget: float = 1.0,
    patience: float = 60.0,
) -> Iterator[dict]:
    """Time a training step (forward, backward, Adam) of each cell's model, as training does it.

    Args:
        cells: models with their training settings, such as the batch size.
        lengths: symbols of every string; nothing is padding.
        batches: numbers of strings, beside that of the cell.
        packs: how many seeds are trained at a time.
        symbols: size of the alphabet, and number of classes.
        others: of `fwp.benchmarks.peers.STEPS`, to stand beside ours.
        device: "cpu" or "cuda".
        budget: seconds after which a measurement is not repeated any more.
        patience: seconds that `torch.compile` may take for a model; one that takes longer is left
            out.

    Yields:
        model, implementation ("fwp", "loops" for our loops over time in PyTorch, or a peer), way
        (how a peer computes the recurrence, if it has several ways), pack, batch, length,
        symbols, parameters, seconds and floor_seconds per seed, note; one dict per measurement.
        Where there is no time, seconds is None and `note` says why.
    """
    rate = matrix_product_rate(device=device)
    for cell in cells:
        sizes = [
            {"pack": pack, "batch": batch, "length": length, "symbols": symbols}
            for length in lengths
            for batch in dict.fromkeys([cell.training.batch_size, *batches])
            for pack in packs
        ]
        (alone,) = models_of(cell.model, 1, symbols)
        per_string = {length: operations(cell, length, symbols) for length in lengths}
        for row in _rows(cell, sizes, others, device, budget, patience):
            seconds = row.get("seconds")
            yield {
                "model": cell.model.name,
                "implementation": row["implementation"],
                "way": row.get("way", ""),
                "pack": row["pack"],
                "batch": row["batch"],
                "length": row["length"],
                "symbols": symbols,
                "parameters": alone.parameter_count,
                "seconds": None if seconds is None else seconds / row["pack"],
                "floor_seconds": row["batch"] * per_string[row["length"]] / rate,
                "note": row.get("note", ""),
            }


def _rows(cell: Cell, sizes: list[dict], others, device, budget, patience) -> Iterator[dict]:
    # The loops are what a mixer without an op of ours is anyway: not timed twice.
    looped = has_op(cell)
    for size in sizes:
        for way in [OURS, LOOPS] if looped and size["pack"] == 1 else [OURS]:
            with reference() if way == LOOPS else flushing_denormals():
                found = seconds(cell, **size, device=device, budget=budget)
            yield {"implementation": way, **size, "seconds": found}
    for peer in others:
        for row in peers.STEPS[peer](cell, sizes, device, budget, patience):
            yield {"implementation": peer, **row}


def seconds(cell: Cell, *, device: str, budget: float, **size: int) -> float:
    """Of a step of all seeds of a pack; `size` is pack, batch, length and symbols."""
    with cuda_graphs.stream(device):
        step, epoch = train_step(cell, **size, device=device)
        step.epoch(epoch)  # compiles and captures
        return fastest(lambda: step.epoch(epoch), device, budget) / len(epoch[0])
