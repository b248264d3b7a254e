"""Plans: what a call of an op comes to, worked out once for all calls with such arguments.

A small model calls its ops a dozen times in a step. Binding and checking the arguments and choosing
a backend takes longer than a small kernel. All of it depends on shapes, data types, devices and
options alone, so that a call with those of an earlier call has a plan already.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import Tensor
from torch.nn import Parameter

from fwp.kernels.backend import Late

PLANS: dict[tuple, "Plan"] = {}
"""By op, backend and kinds of all arguments. Who changes how ops choose must empty it."""
TENSORS = {Tensor, Parameter}
"""What nearly all tensors are: `isinstance` takes longer than all else here."""
MOST = 4096  # plans; strings of many lengths must not fill the memory


def kind(x: Any) -> tuple:
    """All of an argument that decides what a call comes to."""
    if type(x) in TENSORS or isinstance(x, Tensor):
        return x.shape, x.dtype, x.device
    if isinstance(x, tuple | list):
        return tuple(map(kind, x))
    return type(x), x


@dataclass(slots=True)
class Plan:
    """A call that has passed all checks.

    op: the variant that is called (`fwp.kernels.op.Op`).
    run: takes the tensors of `order`, and the state if the op has one.
    order: where each tensor, and the state if it is given, stands among all arguments; None for
        "all as they stand".
    initial: makes the state where none is given.
    """

    op: Any
    run: Callable[..., Any]
    order: tuple[int, ...] | None
    initial: Callable[[Any, dict[str, Tensor]], Any] | None

    def __call__(self, arguments: tuple) -> Any:
        """Output, or output and final state."""
        if self.order is not None:
            arguments = tuple([arguments[i] for i in self.order])
        if self.initial is not None:
            inputs = dict(zip(self.op.inputs, arguments, strict=True))
            arguments = (*arguments, self.initial(self.op, inputs))
        return self.run(*arguments)


def find(key: tuple) -> Plan | None:
    """The plan of an earlier call of this key."""
    try:
        return PLANS.get(key)
    except TypeError:  # something has no hash; no op takes it, as its checks will say
        return None


def keep(key: tuple, plan: Plan) -> Plan:
    """The plan, which later calls find under its key."""
    if len(PLANS) >= MOST:
        PLANS.clear()
    PLANS[key] = plan
    return plan


def loaded(run: Callable[..., Any]) -> Callable[..., Any]:
    """A backend's function itself, where it is one that is imported when it is first called."""
    if isinstance(run, partial):
        return partial(loaded(run.func), *run.args, **run.keywords)
    return run.function if isinstance(run, Late) else run
