"""What is trained: memories × numbers of pairs × seeds, in both settings of the paper."""

from collections.abc import Iterator
from typing import NamedTuple

MEMORIES = {
    "softmax": {"feature_map": "softmax"},
    "elu": {"feature_map": "elu"},
    "dpfp_1": {"feature_map": "dpfp", "nu": 1},
    "dpfp_2": {"feature_map": "dpfp", "nu": 2},
    "dpfp_3": {"feature_map": "dpfp", "nu": 3},
    "favor_512": {"feature_map": "favor", "nu": 512},
}
MEMORIES |= {
    f"{name}_delta": memory | {"rule": "delta"}
    for name, memory in MEMORIES.items()
    if name != "softmax"
}
"""By name: arguments of `fwp.retrieval.memory.Memory`."""

SETTINGS = {"distinct": False, "repeated": True}
"""Setting 1 and 2 of the paper: whether keys are repeated."""


class RetrievalJob(NamedTuple):
    """One memory trained on sequences over `pairs` keys and values."""

    setting: str
    memory: str
    pairs: int
    seed: int

    @property
    def name(self) -> str:
        """The path of its result below the folder of the experiment, without suffix."""
        return f"{self.setting}/{self.memory}/pairs-{self.pairs}-seed-{self.seed}"


def jobs(config: dict) -> Iterator[RetrievalJob]:
    """All runs that the section `retrieval` of a config names."""
    for setting in SETTINGS:
        for memory in config[setting]["memories"]:
            for pairs in config[setting]["pairs"]:
                for seed in range(1, config["seeds"] + 1):
                    yield RetrievalJob(setting, memory, pairs, seed)


def params(config: dict, setting: str, memory: str, pairs: str, seed: str) -> dict:
    """What decides a run: arguments of `fwp.retrieval.training.run`."""
    return {
        "memory": MEMORIES[memory],
        "repeated": SETTINGS[setting],
        "count": int(pairs),
        "seed": int(seed),
        "steps": config["steps"],
    }
