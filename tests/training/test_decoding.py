import itertools
import random
from typing import ClassVar

import pytest
import tiny
import torch

from fwp import mixers
from fwp.models.sequence_model import SequenceModel
from fwp.training import decoding
from fwp.training.decoding import translate

A, B, C, END, SEPARATOR = range(5)


class Table:
    """What follows what, by hand: the state is the last two tokens."""

    # Greedy takes A, after which nothing is likely; B leads to C and the end almost surely.
    after: ClassVar = {
        SEPARATOR: {A: 0.5, B: 0.4, C: 0.1},
        A: {A: 0.3, B: 0.3, C: 0.2, END: 0.2},
        B: {C: 0.9, A: 0.1},
        C: {END: 0.95, A: 0.05},
    }

    def __call__(self, tokens, state):
        log_p = torch.full((*tokens.shape, 5), -30.0)
        for place in itertools.product(*map(range, tokens.shape)):
            for token, p in self.after[tokens[place].item()].items():
                log_p[place][token] = torch.tensor(p).log()
        return log_p, (tokens[:, -1:],)


def score(model, source, tokens):
    """Mean log p of a translation and its end."""
    whole = torch.tensor([[*source, SEPARATOR, *tokens]])
    log_p = model(whole, None)[0].log_softmax(-1)[0, len(source) :]
    return sum(log_p[i, token].item() for i, token in enumerate([*tokens, END])) / (len(tokens) + 1)


def test_beam_search_finds_what_greedy_search_misses():
    (greedy,) = translate(Table(), [[A]], separator=SEPARATOR, end=END)
    (found,) = translate(Table(), [[A]], separator=SEPARATOR, end=END, beam=3)
    assert greedy[0] == A
    assert found == [B, C]
    every = [list(t) for n in range(5) for t in itertools.product((A, B, C), repeat=n)]
    assert found == max(every, key=lambda tokens: score(Table(), [A], tokens))


def net(mixer, seed=0):
    torch.manual_seed(seed)
    return SequenceModel(12, 12, tiny.model(mixer, hidden=8, feed_forward=1)).double().eval()


@pytest.fixture
def short(monkeypatch):
    """Untrained models hardly ever end."""
    monkeypatch.setattr(decoding, "LIMIT", (1, 2))


def sources(count=9):
    draw = random.Random(0)
    return [[draw.randrange(10) for _ in range(draw.randint(1, 6))] for _ in range(count)]


def greedy(model, source):
    """One token at a time, the whole prefix read again for each."""
    prefix, found = [*source, 10], []
    for _ in range(len(source) + 2):
        token = model(torch.tensor([prefix]))[0][0, -1].argmax().item()
        if token == 11:
            break
        found.append(token)
        prefix.append(token)
    return found


@pytest.mark.parametrize("mixer", mixers.names())
def test_streamed_decoding_is_reading_the_prefix_again(mixer, short):
    model, given = net(mixer), sources(2)
    expected = [greedy(model, source) for source in given]
    assert translate(model, given, separator=10, end=11, rows=3) == expected
    again = translate(decoding.Rereading(model), given, separator=10, end=11, beam=3)
    assert translate(model, given, separator=10, end=11, beam=3, rows=9) == again


@pytest.mark.parametrize(("mixer", "rows"), [("deltanet", 4), ("lstm", 4), ("transformer", 2)])
def test_sentences_of_all_lengths_go_on_side_by_side(mixer, rows, short):
    """If the state has a fixed size; otherwise those of one length."""
    model, seen = net(mixer), []

    def counted(tokens, state):
        seen.append(tuple(tokens.shape))
        return model(tokens, state)

    translate(counted, [[1], [2, 3], [4], [5, 6, 7]], separator=10, end=99)
    assert {(2, 2), (1, 3), (1, 4)} <= set(seen)  # the sources, without padding
    assert max(shape for shape in seen if shape[1] == 1 and shape[0] != decoding.PROBES) == (
        rows,
        1,
    )


def test_a_translation_without_an_end_stops_at_its_limit():
    def endless(tokens, state):
        return torch.tensor([1.0, 0, 0, -50, 0]).expand(*tokens.shape, 5), (tokens,)

    found = translate(endless, [[A], [A, B]], separator=SEPARATOR, end=END, beam=2)
    assert list(map(len, found)) == [18, 20]


def test_no_sentence_gives_no_translation():
    assert translate(Table(), [], separator=SEPARATOR, end=END) == []
