"""How fast mixers are on a CPU, as measured once, and how fast this processor is beside that one.

For estimates of time alone; no result depends on them. Cells that are finished on this machine
take the place of this table (`fwp.experiment.duration`).
"""

import time
from functools import cache
from typing import NamedTuple

import numpy as np


class Speed(NamedTuple):
    """Of training one layer with a feed-forward factor of 2.

    Attributes:
        step: milliseconds of a step, whatever its batch.
        narrow: microseconds per symbol at width 32.
        wide: microseconds per symbol at width 128.
        before: nanoseconds per symbol and symbol before it, at width 32, where the state grows.
    """

    step: float
    narrow: float
    wide: float
    before: float = 0.0

    def per_symbol(self, width: int, length: float = 0) -> float:
        """Seconds per symbol of a string of that length."""
        power = np.log(self.wide / self.narrow) / np.log(128 / 32)
        growing = 1e-9 * self.before * length * width / 32
        return float(1e-6 * self.narrow * (width / 32) ** power + growing)


# On an AMD EPYC (Zen 4) with both of its cores at work, as in a grid: batches of 64 strings of 50
# symbols, 4 heads; a default grid agreed within a third. A mixer that is not here is measured by
# its first finished cell.
SPEEDS = {
    "delta_rnn": Speed(1.3, 4.9, 25),
    "deltanet": Speed(1, 1.5, 17),
    "deltaproduct": Speed(1.8, 4.8, 35),
    "elman": Speed(2.5, 0.56, 4.6),
    "elstm": Speed(0.63, 0.59, 7.4),
    "gated_deltanet": Speed(2.1, 4.2, 27),
    "gru": Speed(6.6, 1.5, 13),
    "kimi_delta": Speed(2.1, 4.2, 29),
    "linear_transformer": Speed(1, 1.3, 15),
    "lstm": Speed(0.63, 0.98, 12),
    "mlstm": Speed(2, 3.2, 22),
    "recurrent_delta": Speed(1.3, 1.7, 18),
    "rwkv7": Speed(2.4, 5, 31),
    "selective_ssm": Speed(1.4, 7.7, 41),
    "slstm": Speed(1.3, 2, 20),
    "srwm": Speed(1, 1.5, 15),
    "transformer": Speed(1.2, 1.8, 15, before=5),
}
ROUND = 150e-6  # seconds that a round of `slowness` takes there


@cache
def slowness() -> float:
    """How many times as long as that of the table this processor takes for small products.

    Takes 10 ms. Other work on the machine hardly changes it: the fastest of many rounds counts.
    """
    generator = np.random.default_rng(0)
    inputs, weights = generator.normal(size=(2, 64, 64)).astype(np.float32)
    seconds = []
    for _ in range(50):
        begin = time.perf_counter()
        for _ in range(20):
            inputs = np.tanh(inputs @ weights)
        seconds.append(time.perf_counter() - begin)
    return min(seconds) / ROUND
