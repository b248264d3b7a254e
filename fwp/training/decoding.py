"""Translations from the streamed state: greedy and beam search.

A source is read once, and the state after it goes on with every token that is chosen. A mixer with
a state of fixed size needs the same memory for every token, however long the text; attention's
cache grows. A part of the state is a tensor whose first axis is the batch, or is the same for all.

A hypothesis scores Σ log p / length, the end counted as a token: a length penalty of 1 (Wu et al.
2016 divide by ((5 + length) / 6)^α instead). Search ends when a sentence has as many finished
hypotheses as the beam is wide.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from fwp.models.pack import starts_anew

LIMIT = (2, 16)
"""A translation of n source tokens ends after 2 n + 16 tokens at the latest, end included."""

Model = Callable[[Tensor, Any], tuple[Tensor, Any]]


class Start(NamedTuple):
    """Sources that have been read.

    logits: of what follows the separator [B, classes].
    state: the model's.
    limits: most tokens of each translation, int64 [B].
    """

    logits: Tensor
    state: object
    limits: Tensor


@torch.no_grad()
def translate(
    model: Model,
    sources: Sequence[Sequence[int]],
    *,
    separator: int,
    end: int,
    beam: int = 1,
    rows: int = 256,
    device: str = "cpu",
) -> list[list[int]]:
    """Translations of sentences, without their ends.

    Sentences of one length are read side by side, so that no padding is read. Those of all lengths
    go on side by side if the model's state allows it, since it has a fixed size.

    Args:
        model: maps tokens [B, T] and its state to logits [B, T, classes] and the state after them.
        sources: tokens of each sentence.
        separator: the token that follows a source.
        end: the token that ends a translation.
        beam: hypotheses of each sentence that are followed; 1 is greedy.
        rows: hypotheses that are computed side by side, at most.
        device: of the model.
    """
    if not sources:
        return []
    states = [_probe(model, separator, length, device) for length in (1, 2)]
    if starts_anew(states[0]):
        model = Rereading(model)
    merge = not starts_anew(states[0]) and _fixed(*states)
    lengths = [len(source) for source in sources]
    order = sorted(range(len(sources)), key=lengths.__getitem__)
    batches = []
    for chosen in _alike(order, lengths, max(1, rows // beam), merge=merge):
        starts = [
            _read(model, [sources[i] for i in same], separator, device)
            for same in _alike(chosen, lengths, len(chosen))
        ]
        batches.append((chosen, _search(model, _joined(starts), end=end, beam=beam)))
    found: list[list[int]] = [[] for _ in sources]
    for chosen, results in batches:
        for i, tokens in zip(chosen, results, strict=True):
            found[i] = tokens
    return found


def _alike(order: list[int], lengths: list[int], size: int, *, merge: bool = False):
    """Batches of at most `size`, of one length each unless they are to be merged."""
    begin = 0
    while begin < len(order):
        end = begin + 1
        while end < len(order) and end - begin < size:
            if not merge and lengths[order[end]] != lengths[order[begin]]:
                break
            end += 1
        yield order[begin:end]
        begin = end


PROBES = 3  # rows that are read to see what a state is like


def _probe(model: Model, token: int, length: int, device: str) -> object:
    """The state after `length` tokens."""
    return model(torch.full((PROBES, length), token, device=device), None)[1]


def _fixed(one: object, other: object) -> bool:
    """Whether states after texts of different lengths can be joined."""
    first, second = pytree.tree_leaves(one), pytree.tree_leaves(other)
    if len(first) != len(second):
        return False
    for a, b in zip(first, second, strict=True):
        if _batched(a, PROBES) and _batched(b, PROBES):
            same = a.shape == b.shape
        elif isinstance(a, Tensor) and isinstance(b, Tensor):
            same = torch.equal(a, b)
        else:
            same = a == b
        if not same:
            return False
    return True


def _read(model: Model, sources: Sequence[Sequence[int]], separator: int, device: str) -> Start:
    """Read sources of one length."""
    tokens = torch.tensor([[*source, separator] for source in sources], device=device)
    logits, state = model(tokens, None)
    factor, more = LIMIT
    limit = factor * (tokens.shape[1] - 1) + more
    return Start(logits[:, -1], state, torch.full_like(tokens[:, 0], limit))


def _joined(starts: list[Start]) -> Start:
    """Sources of different lengths as one batch."""
    if len(starts) == 1:
        return starts[0]
    sizes = [len(start.limits) for start in starts]

    def join(*parts):
        batched = all(_batched(x, size) for x, size in zip(parts, sizes, strict=True))
        return torch.cat(parts) if batched else parts[0]

    states = pytree.tree_map(join, *(start.state for start in starts))
    return Start(
        torch.cat([start.logits for start in starts]),
        states,
        torch.cat([start.limits for start in starts]),
    )


def _batched(part: object, rows: int) -> bool:
    """Whether a part of a state has a row for each text."""
    return isinstance(part, Tensor) and part.dim() > 0 and len(part) == rows


def select(state: object, rows: Tensor, size: int) -> object:
    """The state of the rows `rows` int64 [n], of `size` that there are."""

    def pick(part):
        return part.index_select(0, rows) if _batched(part, size) else part

    return pytree.tree_map(pick, state)


def _search(model: Model, start: Start, *, end: int, beam: int) -> list[list[int]]:
    """The best translation of each sentence."""
    beams = _Beams(start, beam)
    # All hypotheses of a sentence begin alike, so that all but one wait until the first step.
    rows, size = beams.step(start.logits.repeat_interleave(beam, 0), end), len(start.limits)
    rows, state = rows // beam, start.state
    while len(rows):
        state = select(state, rows, size)
        size = len(rows)
        logits, state = model(beams.tokens[..., -1].view(-1, 1), state)
        rows = beams.step(logits[:, -1], end)
    return beams.results()


class Rereading:
    """A model without a state, which reads all tokens so far again with every new one."""

    def __init__(self, model: Model):
        self.model = model

    def __call__(self, tokens: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        """Logits of the last tokens, and all tokens so far [B, t] as the state."""
        tokens = tokens if state is None else torch.cat((state, tokens), dim=1)
        return self.model(tokens, None)[0], tokens


class _Beams:
    """Hypotheses of N sentences, K of each, of which S are still searched."""

    def __init__(self, start: Start, beam: int):
        sentences, device = len(start.limits), start.limits.device
        self.beam, self.limits = beam, start.limits
        # Where the sentences stand that are still searched, [S].
        self.sentences = torch.arange(sentences, device=device)
        # Σ log p of each hypothesis, -∞ for one that is not there [S, K]; and its tokens.
        self.scores = start.logits.new_full((sentences, beam), -torch.inf)
        self.scores[:, 0] = 0
        self.tokens = torch.empty(sentences, beam, 0, dtype=torch.int64, device=device)
        # Of each sentence: how many hypotheses have ended, and the best of them [N].
        self.finished = torch.zeros_like(start.limits)
        self.best = start.logits.new_full((sentences,), -torch.inf)
        self.lengths = torch.zeros_like(start.limits)
        self.found = start.limits.new_zeros(sentences, int(start.limits.max()))

    def results(self) -> list[list[int]]:
        """The best hypothesis of each sentence."""
        found = zip(self.found.tolist(), self.lengths.tolist(), strict=True)
        return [tokens[:length] for tokens, length in found]

    def step(self, logits: Tensor, end: int) -> Tensor:
        """Take in what follows each hypothesis [S · K, classes].

        Returns:
            For each hypothesis that goes on, the row of `logits` that it continues.
        """
        beam, classes = self.beam, logits.shape[-1]
        log_p = logits.log_softmax(-1).view(-1, beam, classes)
        totals = (self.scores.unsqueeze(-1) + log_p).flatten(1)
        # A hypothesis ends in one way alone, so that of twice as many enough go on.
        scores, places = totals.topk(min(2 * beam, totals.shape[-1]))
        parents, tokens = places // classes, places % classes
        ends = tokens == end
        self._finish(scores[:, :beam], parents[:, :beam], ends[:, :beam])
        self.scores, order = scores.masked_fill(ends, -torch.inf).topk(beam)
        parents, tokens = parents.gather(1, order), tokens.gather(1, order)
        self.tokens = torch.cat((self._past(parents), tokens.unsqueeze(-1)), dim=-1)
        rows = torch.arange(len(parents), device=parents.device).unsqueeze(1) * beam + parents
        return rows[self._leave()].flatten()

    def _past(self, parents: Tensor) -> Tensor:
        """Tokens of the hypotheses `parents` [S, k], [S, k, t]."""
        length = self.tokens.shape[-1]
        return self.tokens.gather(1, parents.unsqueeze(-1).expand(-1, -1, length))

    def _finish(self, scores: Tensor, parents: Tensor, ends: Tensor) -> None:
        """Keep the best of the hypotheses that end now [S, K], where it beats those before."""
        length = self.tokens.shape[-1]
        self.finished[self.sentences] += ends.sum(1)
        score, which = (scores / (length + 1)).masked_fill(~ends, -torch.inf).max(1)
        better = score > self.best[self.sentences]
        self._keep(better, self._past(parents.gather(1, which.unsqueeze(1))).squeeze(1))
        self.best[self.sentences] = torch.where(better, score, self.best[self.sentences])

    def _keep(self, chosen: Tensor, tokens: Tensor) -> None:
        """Tokens [S, t] are the best so far where `chosen` [S]."""
        rows, length = self.sentences[chosen], tokens.shape[-1]
        self.found[rows, :length] = tokens[chosen]
        self.lengths[rows] = length

    def _leave(self) -> Tensor:
        """Drop the sentences that are over, and say which go on [S]."""
        over = self.tokens.shape[-1] >= self.limits[self.sentences]
        none = self.finished[self.sentences] == 0
        self._keep(over & none, self.tokens[:, 0])  # it has not ended, but nothing else is there
        going = ~over & (self.finished[self.sentences] < self.beam)
        self.sentences, self.scores = self.sentences[going], self.scores[going]
        self.tokens = self.tokens[going]
        return going
