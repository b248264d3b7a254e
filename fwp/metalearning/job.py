"""One run, and where its result is."""

from typing import NamedTuple


class MetalearningJob(NamedTuple):
    """One model trained with one objective on streams of one family of tasks."""

    family: str
    learner: str
    objective: str
    seed: int

    @property
    def name(self) -> str:
        """The path of its result below the folder of the experiment, without suffix."""
        return f"{self.family}/{self.learner}/{self.objective}-seed-{self.seed}"
