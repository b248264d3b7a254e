"""What is so of a mixer, and need not be: sizes, eigenvalues, what it learns in some seconds.

`FACTS` has them in the order in which they are told, after the properties that must hold.
"""

from collections.abc import Callable

import torch

from fwp.models.eigenvalues import BEFORE, spectra
from fwp.models.learning import Learnt, learn_parity
from fwp.models.subject import TIME, Subject, tensors


def parameters(subject: Subject) -> str:
    """How many numbers are trained."""
    count = sum(p.numel() for p in subject.single[0].parameters() if p.requires_grad)
    return f"{count:,} trained numbers at width {subject.hidden}"


@torch.no_grad()
def state_size(subject: Subject) -> str:
    """How much is remembered of one string."""
    sizes = [
        sum(part.numel() for part in tensors(subject.read(subject.input(1, time), None)[1]))
        for time in (TIME, TIME + 1)
    ]
    if subject.stateless:
        return "none: strings are read whole, each from its beginning; memory grows with the length"
    if sizes[0] != sizes[1]:
        return f"{sizes[0]:,} numbers after {TIME} symbols, {sizes[1]:,} after {TIME + 1}: it grows"
    return f"{sizes[0]:,} numbers per string, at any length"


def eigenvalues(subject: Subject) -> str:
    """Those of the transition, over random inputs; negative ones are what parity needs."""
    found = spectra(subject.read, subject.input)
    if isinstance(found, str):
        return found
    _, state = subject.read(subject.input(1, BEFORE), None)
    parts = len(tensors(state))
    known = getattr(subject.mixers[0], "state_names", ())
    names = [known[i] if i < len(known) else f"part {i + 1} of the state" for i in range(parts)]
    said = [f"{names[one.part]}: {one}" for one in found]
    if any(one.negative for one in found):
        said.append("negative ones occur")
    else:
        said.append("none is negative, which parity would need")
    return "; ".join(said)


FACTS: dict[str, Callable[[Subject], str]] = {
    "parameters": parameters,
    "size of the state": state_size,
    "eigenvalues": eigenvalues,
}
"""Each returns what there is to say."""

PARITY = "learns parity"


def learns_parity(kind: type, subject: Subject, options: dict, learn: bool | int) -> Learnt:
    """Whether a model of one layer learns parity.

    Args:
        kind: the mixer.
        subject: the same, built.
        options: of the mixer.
        learn: how many steps at most; True for some seconds.
    """
    from fwp.experiment.resolve import model_settings
    from fwp.mixers._adapt import named
    from fwp.models.sequence_model import SequenceModel

    settings = model_settings(named(kind), hidden=subject.hidden, layers=1, **options)
    limit = {} if learn is True else {"steps": learn, "seconds": float("inf")}
    return learn_parity(lambda: SequenceModel(2, 2, settings), device=subject.device, **limit)
