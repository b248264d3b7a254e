"""Trying a mixer in its properties: `fwp check my_module:MyMixer`."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from fwp import mixers
from fwp.config.messages import show
from fwp.config.parsing import parse
from fwp.experiment.validate_models import options as wrong_options
from fwp.mixers import MixerError
from fwp.mixers._adapt import as_mixer
from fwp.mixers._signature import SignatureError, read_signature
from fwp.models.facts import FACTS, PARITY, learns_parity
from fwp.models.properties import PROPERTIES, Remark
from fwp.models.subject import Subject, first_line
from fwp.utils import devices
from fwp.utils.imports import make_importable

HIDDEN = 16


@dataclass(frozen=True)
class Finding:
    """What came of one property.

    Attributes:
        name: of the property.
        verdict: ok, fails or skipped, of what must hold; "is so" of what need not.
        found: what is wrong, a remark, or what is so; why, if it was skipped.
    """

    name: str
    verdict: str
    found: str

    def __str__(self):
        verdict = self.verdict.upper() if self.verdict == "fails" else self.verdict
        return f"{verdict:<8} {self.name:<20} {self.found}".rstrip()


def check(
    mixer: str | Callable[..., object],
    *,
    hidden: int = HIDDEN,
    device: str = "cpu",
    folders: Sequence[str | Path] = (),
    learn: bool | int = False,
    **options,
) -> list[Finding]:
    """Try a mixer in every property, such as "in pieces it computes what it does in one".

    Args:
        mixer: one of `fwp.mixers.names()`, `module:Class`, `fla.Class`, or what `fwp.adapt` takes.
        hidden: its width.
        device: "cpu" or "cuda".
        folders: where modules are looked for first.
        learn: whether it is also trained on parity, for some seconds or so many steps.
        options: of the mixer, such as `heads=2`.

    Raises:
        MixerError: there is no such mixer, or it cannot be built; the message says why.
    """
    return list(try_properties(mixer, folders, device, hidden=hidden, learn=learn, **options))


def try_properties(
    mixer: str | Callable[..., object],
    folders: Sequence[str | Path],
    device: str,
    *,
    hidden: int,
    learn: bool | int = False,
    **options,
) -> Iterator[Finding]:
    """The findings of `check`, as they come."""
    device = devices.pick(device)
    if type(hidden) is not int or hidden < 1:
        raise MixerError(f"hidden must be an integer of 1 or more, got {show(hidden)}")
    kind = _load(mixer, folders, options)
    with torch.random.fork_rng():
        try:
            subject = Subject(lambda: kind(hidden, **options), hidden, device)
        except Exception as error:
            raise MixerError(f"mixer {mixer!r} cannot be built: {first_line(error)}") from error
        if hidden % (heads := getattr(subject.mixers[0], "heads", 1)):
            raise MixerError(f"heads must divide hidden = {hidden}, got heads = {heads}")
        for name, holds in PROPERTIES.items():
            yield (finding := _tried(name, holds, subject))
            if name == "shapes" and finding.verdict == "fails":
                return  # the others would fail for the same reason
        told = dict(FACTS)
        if learn:
            told[PARITY] = lambda subject: str(learns_parity(kind, subject, options, learn))
        for name, tell in told.items():
            yield _told(name, tell, subject)


def _tried(name: str, holds: Callable[[Subject], str], subject: Subject) -> Finding:
    torch.manual_seed(0)
    try:
        # Recurrent layers of cuDNN refuse gradients outside of training.
        with torch.backends.cudnn.flags(enabled=False):
            found = holds(subject)
        return Finding(name, "fails" if found else "ok", found)
    except Remark as remark:
        return Finding(name, remark.verdict, str(remark))
    except Exception as error:  # whatever the class does
        return Finding(name, "fails", first_line(error))


def _told(name: str, tell: Callable[[Subject], str], subject: Subject) -> Finding:
    torch.manual_seed(0)
    try:
        return Finding(name, "is so", tell(subject))
    except Exception as error:  # whatever the class does; what must hold has been told
        return Finding(name, "skipped", first_line(error))


def read_options(changes: Sequence[str]) -> dict:
    """Options from texts like "heads=2"; the values are YAML.

    Raises:
        MixerError: a text without a name or without "=".
    """
    found = {}
    for change in changes:
        name, equals, text = change.partition("=")
        if not equals or not name.strip().isidentifier():
            raise MixerError(f"--set must read option=value, got {change!r}")
        found[name.strip()] = parse(text, change)
    return found


def _load(mixer: str | Callable[..., object], folders: Sequence[str | Path], options: dict) -> type:
    if not isinstance(mixer, str):
        return as_mixer(mixer)
    try:
        signature = read_signature(mixer, folders)
    except SignatureError as error:
        raise MixerError(f"mixer {mixer!r} {error}") from None
    if problems := list(wrong_options(signature, options, mixer, ("hidden",))):
        raise MixerError("\n".join(problems))
    if folders:
        make_importable(folders)
    return mixers.get(signature.name(mixer))
