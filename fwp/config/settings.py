"""Settings of a model and of its training: typed, frozen and complete.

Names and types of the keys are here; `schema.yaml` beside this file has the default, the range and
the description of each. A test compares the two. There are no defaults here: a resolved cell names
every value, so that a changed default retrains only the cells that took it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

AUXILIARY = ("next_symbols", "language_modelling")
"""Settings of training: weights of losses beside that of the task (`fwp.training.auxiliary`)."""


@dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """A model; `name` is its name in the config, `options` are keyword arguments of its mixer.

    If `parameters` is given, the largest number of trained numbers, a job solves `hidden` and
    `feed_forward` from it (`fwp.models.budget`). Then `share` is the factor `feed_forward` that the
    config gives, which the solved one is close to.
    """

    name: str
    mixer: str
    hidden: int
    layers: int
    feed_forward: int | float
    wiring: Literal["pre_norm", "normed_skip", "post_norm", "plain"] | None
    parameters: int | None = None
    dropout: float = 0.0
    options: Mapping[str, Any]
    share: int | float | None = None

    def __post_init__(self):
        # 4 and 4.0 are the same factor and must not look like a change.
        for key in ("feed_forward", "share"):
            value = getattr(self, key)
            if isinstance(value, float) and value.is_integer():
                object.__setattr__(self, key, int(value))
        object.__setattr__(self, "dropout", float(self.dropout))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "ModelSettings":
        """What `as_dict` returned."""
        return cls(**values)

    def as_dict(self) -> dict[str, Any]:
        """Plain builtins, in the order of the fields.

        A size to solve from and dropout are left out if there is none, as in records of 0.1.0.
        """
        values = vars(self) | {"options": dict(self.options)}
        unused = () if self.parameters is not None else ("parameters", "share")
        unused += () if self.dropout else ("dropout",)
        return {key: value for key, value in values.items() if key not in unused}


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """Budget and optimiser of a training run."""

    epochs: int
    batch_size: int
    learning_rate: float
    schedule: Literal["constant", "cosine"]
    warmup: float
    curriculum: float
    clip: float | None
    weight_decay: float
    gradient: Literal["bptt", "rtrl", "tbptt"]
    betas: tuple[float, float]
    eps: float
    dtype: Literal["float32", "float64"]
    validate_every: int | None
    matmul: Literal["float32", "bfloat16"]
    next_symbols: float = 0.0
    language_modelling: float = 0.0
    truncation: int | None = None

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "TrainingSettings":
        """What `as_dict` returned; 1 and 1.0 give equal settings with equal texts.

        A record of 0.1.0 lacks `validate_every`, null then, and `matmul`.
        """
        values = {
            "validate_every": None,
            "matmul": "float32",
            "truncation": None,
            **dict.fromkeys(AUXILIARY, 0.0),
            **values,
        }
        numbers = {
            field.name: float(values[field.name])
            for field in fields(cls)
            if field.type in (float, float | None) and values[field.name] is not None
        }
        first, second = values["betas"]
        return cls(**{**values, **numbers, "betas": (float(first), float(second))})

    def as_dict(self) -> dict[str, Any]:
        """Plain builtins, in the order of the fields.

        What came after 0.1.0 and is not used is left out, so that records of before stay the same.
        """
        values = vars(self) | {"betas": list(self.betas)}
        return {key: x for key, x in values.items() if x or key not in (*AUXILIARY, "truncation")}
