"""Which epoch is kept, and when training ends.

After every epoch the sequence accuracy is measured on the validation strings of each bin; their
mean is the *selection* accuracy. The earliest epoch with the highest selection accuracy is kept.
Training ends when it reaches 100 % (`solved`). The paper does the same on the sets that it reports;
here they are separate strings.
"""

import math
from collections.abc import Callable

from torch import Tensor

from fwp.training.run import Run


def select_epoch(run: Run, row: dict, weights: Callable[[], dict[str, Tensor]]) -> None:
    """Add an epoch to the history of a run, keep it if it is the best, and set the status.

    Args:
        row: of the history; `selection` is the mean accuracy, `loss` the mean loss in nats.
        weights: copies the weights; called only if the epoch is kept.
    """
    run.history.append(row)
    run.epochs = row["epoch"]
    if row["selection"] > run.selection:
        run.best_epoch, run.selection, run.weights = row["epoch"], row["selection"], weights()
    if not math.isfinite(row["loss"]):
        run.status = "diverged"
    elif row["selection"] == 1:
        run.status = "solved"
