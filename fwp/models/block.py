"""Blocks: how a mixer is wired to its skip connection, normalisation and feed-forward part.

| wiring        | mixer                | feed-forward part  | used by                            |
|---------------|----------------------|--------------------|------------------------------------|
| `pre_norm`    | x ← x + mixer(LN(x)) | x ← x + FF(LN(x))  | linear Transformer, DeltaNet, …    |
| `normed_skip` | x ← LN(x) + mixer(x) | x ← x + FF(LN(x))  | SRWM                               |
| `post_norm`   | x ← LN(x + mixer(x)) | x ← LN(x + FF(x))  | Transformer                        |
| `plain`       | x ← mixer(x)         | none               | LSTM, e-LSTM                       |

with FF(x) = W2 relu(W1 x + b1) + b2. A stack of `post_norm` blocks ends in one more LN. Dropout, if
any, is of mixer(…) and FF(…).
"""

from collections.abc import Callable

from torch import Tensor, nn

from fwp.mixers import MixerError
from fwp.nn.feed_forward import FeedForward
from fwp.nn.layer_norm import LayerNorm

WIRINGS = ("pre_norm", "normed_skip", "post_norm", "plain")


class Block(nn.Module):
    """A mixer in one of the `WIRINGS`, followed by a feed-forward part unless its factor is 0.

    Args:
        mixer: a sequence mixer (see `fwp.mixers`).
        hidden: width of input and output.
        factor: inner width of the feed-forward part in multiples of `hidden`, rounded to units;
            ignored by `plain`.
        wiring: one of `WIRINGS`.
    """

    def __init__(self, mixer: nn.Module, hidden: int, *, factor: float, wiring: str):
        super().__init__()
        if wiring not in WIRINGS:
            raise ValueError(f"wiring must be one of {', '.join(WIRINGS)}, got {wiring!r}")
        self.wiring = wiring
        self.mixer = mixer
        plain = wiring == "plain"
        self.mixer_norm = None if plain else LayerNorm(hidden)
        self.feed_forward = None if plain or not factor else FeedForward(hidden, factor)
        self.feed_forward_norm = LayerNorm(hidden) if self.feed_forward is not None else None

    def forward(self, x: Tensor, state=None, drop: Callable[[Tensor], Tensor] | None = None):
        """Map x [B, T, hidden] and the mixer's state to the same; `drop` is dropout, if any."""
        norm, feed_forward = self.mixer_norm, self.feed_forward
        before = norm if self.wiring == "pre_norm" else None
        y, state = self.mix(x if before is None else before(x), state)
        if drop is not None:
            y = drop(y)
        if norm is None:  # plain
            return y, state
        if self.wiring == "pre_norm":
            x = x + y
        elif self.wiring == "normed_skip":
            x = norm(x) + y
        else:
            x = norm(x + y)
        norm = self.feed_forward_norm
        if feed_forward is not None and norm is not None:
            before = norm if self.wiring != "post_norm" else None
            if drop is None:
                x = feed_forward(x, before, skip=True)
            else:
                x = x + drop(feed_forward(x, before))
            if before is None:
                x = norm(x)
        return x, state

    def mix(self, x: Tensor, state) -> tuple[Tensor, tuple | None]:
        """What the mixer makes of x; MixerError if that is not what `fwp.mixers` asks of it."""
        made = self.mixer(x, state)
        match made:
            case (Tensor(shape=x.shape) as y, (None | tuple()) as after):
                return y, after
        parts = made if isinstance(made, tuple) else (made,)
        got = [str([*p.shape]) if isinstance(p, Tensor) else type(p).__name__ for p in parts]
        raise MixerError(
            f"{type(self.mixer).__name__}.forward must return (y, state), y as large as its input, "
            f"here {[*x.shape]}, and the state None or a tuple; got ({', '.join(got)})"
        )
