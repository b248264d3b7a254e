"""Which weights are kept, and when training ends.

After every epoch, and every so many steps within it if `validate_every` says so, the sequence
accuracy is measured on the validation strings of each bin; their mean is the *selection* accuracy.
The weights of the earliest measurement with the highest selection accuracy are kept. Training ends
when it reaches 100 % (`solved`). The paper does the same on the sets that it reports. Here those
are other strings, if the language has more than one of each length.
"""

import math
from collections.abc import Callable

from torch import Tensor

from fwp.training.run import Run


def select_weights(run: Run, row: dict, weights: Callable[[], dict[str, Tensor]]) -> None:
    """Add a measurement to a run's history, keep the weights if it is the best, set the status.

    Args:
        row: of the history; `selection` is the mean accuracy, `loss` the mean loss in nats.
        weights: copies the weights; called only if they are kept.
    """
    run.history.append(row)
    run.epochs = row["epoch"]
    if row["selection"] > run.selection:
        run.best_epoch, run.selection, run.weights = row["epoch"], row["selection"], weights()
    if not math.isfinite(row["loss"]):
        run.status = "diverged"
    elif row["selection"] == 1:
        run.status = "solved"
