"""Packs: several models of one shape as one program, by `torch.vmap` over their stacked weights.

The models of a cell differ in nothing but their seed; those of a search may have other initial
weights for other reasons. On a GPU a small model's step is the time
that it takes to launch its kernels, and a pack launches them once for all. What a model computes in
a pack is what it computes alone, up to rounding.
"""

import contextlib
import copy
import dataclasses
import warnings
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils import _pytree as pytree

from fwp import mixers
from fwp.config.settings import ModelSettings
from fwp.kernels.triton_compile import only_compiling

DROPOUT = "dropout.seed"  # of a model's buffers: key and step of `fwp.nn.dropout`
PLAIN = (bool, int, float, str, type(None))


def same_program(a: ModelSettings, b: ModelSettings) -> bool:
    """Whether models of these settings may share a pack, for the same symbols and classes.

    They may have other names, and other initial weights (`initial_options` of the mixer's class).
    """
    initial = getattr(mixers.get(a.mixer), "initial_options", ())
    first, second = (
        dataclasses.replace(
            own, name="", options={k: v for k, v in own.options.items() if k not in initial}
        )
        for own in (a, b)
    )
    return first == second


class Pack:
    """R models that are called, trained and read together.

    Args:
        models: of one class and one shape; their weights are copied, unless there is only one.

    Raises:
        ValueError: the models are not of one class and shape, or differ in another attribute than
            their weights and what their `initial_options` name.

    Attributes:
        size: R.
        weights: the trained tensors by name, [R, ...]; a single model's as they are.
        fixed: the tensors that are not trained, likewise.
    """

    def __init__(self, models: Sequence[nn.Module]):
        if not models:
            raise ValueError("a pack must hold at least one model, got none")
        _require_one_program(models)
        self.size = len(models)
        self._template = models[0]
        if self.size == 1:
            self.weights, self.fixed = _tensors(models[0])
            return
        parts = [_tensors(model) for model in models]
        self.weights, self.fixed = (_stack(same) for same in zip(*parts, strict=True))
        for weight in self.weights.values():
            weight.requires_grad_()
        self._vmap = self._can_be_mapped()

    def _can_be_mapped(self) -> bool:
        """Whether `torch.vmap` sees through the models; it does not through `nn.LSTM`, say."""
        device = next(iter(self.weights.values())).device
        self._vmap = True
        on_gpu = device.type == "cuda"
        compiling = only_compiling(self.weights) if on_gpu else contextlib.nullcontext()
        try:
            with torch.no_grad(), compiling:
                self(torch.zeros(self.size, 2, 8, dtype=torch.int64, device=device))
        except (RuntimeError, ValueError, NotImplementedError) as error:
            reason = str(error).strip().partition("\n")[0]
            warnings.warn(
                f"torch.vmap cannot compute these models as one, so that they are computed one "
                f"after another, which takes longer: {reason}",
                RuntimeWarning,
                stacklevel=3,
            )
            return False
        return True

    def __call__(self, tokens: Tensor, state=None) -> tuple[Tensor, object]:
        """Logits [R, B, T, classes] and the state after tokens [R, B, T], or [B, T] for all."""
        if self.size == 1:
            logits, state = self._template(tokens[0] if tokens.dim() == 3 else tokens, state)
            return logits.unsqueeze(0), state
        if not self._vmap:
            return self._in_turn(tokens, state)
        return self._mapped(tokens, state)

    def _mapped(self, tokens: Tensor, state) -> tuple[Tensor, object]:
        """By `torch.vmap`, which returns tensors alone: None in the state passes beside it."""
        of_state = pytree.tree_map_only(Tensor, lambda _: 0, state)
        dims = (0, 0 if tokens.dim() == 3 else None, of_state)
        seen = []

        def one(tensors: dict[str, Tensor], tokens: Tensor, state) -> tuple[Tensor, list]:
            logits, after = self._one(tensors, tokens, state)
            parts, structure = pytree.tree_flatten(after)
            seen[:] = structure, [part is None for part in parts]
            return logits, [part for part in parts if part is not None]

        logits, found = torch.vmap(one, dims)(self.weights | self.fixed, tokens, state)
        (structure, missing), rest = seen, iter(found)
        return logits, pytree.tree_unflatten(
            [None if m else next(rest) for m in missing], structure
        )

    def alone(self, i: int) -> Callable:
        """Model i by itself, which maps tokens [B, T] and its state to logits and a state."""
        if self.size == 1:
            return self._template
        own = {name: x[i] for name, x in (self.weights | self.fixed).items()}
        return lambda tokens, state: self._one(own, tokens, state)

    def _one(self, tensors: dict[str, Tensor], tokens: Tensor, state):
        return functional_call(self._template, tensors, (tokens, state))

    def _in_turn(self, tokens: Tensor, state) -> tuple[Tensor, list]:
        results = [
            self.alone(i)(
                tokens[i] if tokens.dim() == 3 else tokens,
                None if state is None else state[i],
            )
            for i in range(self.size)
        ]
        return torch.stack([logits for logits, _ in results]), [after for _, after in results]

    @property
    def program(self) -> nn.Module:
        """The model that says what is computed; its weights are those of the first, if any."""
        return self._template

    def changed(self, change: Callable[[nn.Module], nn.Module]) -> "Pack":
        """The pack of the same weights with what `change` makes of the model that computes.

        `change` returns a copy that shares its tensors, or some of them, with the model.
        """
        pack = copy.copy(self)
        pack._template = change(self._template)
        own = set().union(*_tensors(pack._template))
        pack.weights = {name: w for name, w in self.weights.items() if name in own}
        pack.fixed = {name: x for name, x in self.fixed.items() if name in own}
        return pack

    def train(self, mode: bool) -> None:
        """Tell the models whether they are being trained."""
        self._template.train(mode)

    def next_step(self) -> None:
        """Go on to the next training step, where dropout drops other numbers."""
        for name, x in self.fixed.items():
            if name == DROPOUT:
                x.select(-1, 1).add_(1)

    def state_dict(self, i: int) -> dict[str, Tensor]:
        """A copy of model i's state dict, on its device."""
        tensors = self.weights | self.fixed
        if self.size > 1:
            tensors = {name: tensor[i] for name, tensor in tensors.items()}
        return {name: tensors[own].detach().clone() for name, own in self._names().items()}

    def _names(self) -> dict[str, str]:
        """The name in `weights` or `fixed` of every entry of the state dict: some are shared."""
        known = (*self._template.named_parameters(), *self._template.named_buffers())
        first = {id(tensor): name for name, tensor in known}
        entries = self._template.state_dict(keep_vars=True)
        return {name: first[id(tensor)] for name, tensor in entries.items()}

    def keep(self, chosen: Sequence[int]) -> None:
        """Go on with the models `chosen` alone; `weights` are new tensors then."""
        if len(chosen) == 1 and self.size > 1:
            model = copy.deepcopy(self._template)
            own = {n: x[chosen[0]] for n, x in (self.weights | self.fixed).items()}
            with torch.no_grad():
                for name, x in (*model.named_parameters(), *model.named_buffers()):
                    x.copy_(own[name])
            self._template = model
            self.weights, self.fixed = _tensors(model)
        elif self.size > 1:
            rows = list(chosen)
            self.weights = {n: w.detach()[rows].requires_grad_() for n, w in self.weights.items()}
            self.fixed = {n: x[rows] for n, x in self.fixed.items()}
        self.size = len(chosen)


def starts_anew(state: object) -> bool:
    """Whether a model with this state has forgotten what it read, in one of its layers at least."""
    return state is None or (isinstance(state, list) and any(map(starts_anew, state)))


def _tensors(model: nn.Module) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """A model's trained tensors, and the others."""
    parameters: dict[str, Tensor] = dict(model.named_parameters())
    trained = {name: p for name, p in parameters.items() if p.requires_grad}
    return trained, {
        n: x for n, x in (parameters | dict(model.named_buffers())).items() if n not in trained
    }


def _stack(tensors: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.stack([t[name].detach() for t in tensors]) for name in tensors[0]}


def _require_one_program(models: Sequence[nn.Module]) -> None:
    """ValueError unless what the first model computes is what all do, except for their weights."""
    if len(models) == 1:
        return
    first = _program(models[0])
    for i, model in enumerate(models[1:], 1):
        own = _program(model)
        for name in first | own:
            if first.get(name) != own.get(name):
                raise ValueError(
                    f"the models of a pack must be of one class and shape, got "
                    f"{name} = {first.get(name)} in model 0 and {own.get(name)} in model {i}; "
                    f"if it decides nothing but initial weights, the class must name it in "
                    f"initial_options"
                )


def _program(model: nn.Module) -> dict[str, object]:
    """A model's classes, shapes and plain attributes: all of it but the numbers in its tensors."""
    facts: dict[str, object] = {}
    for path, module in model.named_modules():
        kind = type(module)
        facts[f"class of {path or 'the model'}"] = f"{kind.__module__}.{kind.__qualname__}"
        initial = getattr(kind, "initial_options", ())
        facts |= {
            f"{path}.{name}".removeprefix("."): value
            for name, value in vars(module).items()
            if name[0] != "_" and name not in ("training", *initial) and _plain(value)
        }
    for kind, tensors in zip(("trained", "fixed"), _tensors(model), strict=True):
        facts |= {
            f"shape of {kind} {name}": (*x.shape, str(x.dtype).removeprefix("torch."))
            for name, x in tensors.items()
        }
    return facts


def _plain(value: object) -> bool:
    if isinstance(value, (tuple, list)):
        return all(map(_plain, value))
    if isinstance(value, dict):
        return all(map(_plain, (*value, *value.values())))
    return isinstance(value, PLAIN)
