import numpy as np

from fwp.batches import IGNORE, pad, shuffled
from fwp.datasets import Split


def split_of(*strings: list[int]) -> Split:
    """A split whose targets are its tokens plus ten."""
    tokens = np.concatenate([np.array(s, dtype=np.uint8) for s in strings])
    offsets = np.cumsum([0] + [len(s) for s in strings])
    return Split("train", "1-9", tokens, tokens.astype(np.int16) + 10, offsets)


def test_padding_stands_on_the_right_and_is_ignored():
    tokens, targets = pad(split_of([1, 2, 3], [4], [5, 6]), np.array([2, 0]))
    np.testing.assert_array_equal(tokens, [[5, 6, 0], [1, 2, 3]])
    np.testing.assert_array_equal(targets, [[15, 16, IGNORE], [11, 12, 13]])


def many() -> Split:
    rng = np.random.default_rng(0)
    return split_of(*([1] * length for length in rng.integers(2, 51, size=1000)))


def test_an_epoch_shows_every_string_once():
    seen = np.concatenate(list(shuffled(many(), 64, np.random.default_rng(1))))
    np.testing.assert_array_equal(np.sort(seen), np.arange(1000))


def test_epochs_differ_and_repeat_with_their_generator():
    def epoch(seed):
        return np.concatenate(list(shuffled(many(), 64, np.random.default_rng(seed))))

    np.testing.assert_array_equal(epoch(1), epoch(1))
    assert not np.array_equal(epoch(1), epoch(2))


def test_little_of_a_batch_is_padding():
    split = many()
    symbols = sum(
        split.lengths[b].max() * len(b) for b in shuffled(split, 64, np.random.default_rng(1))
    )
    assert symbols < 1.15 * len(split.tokens)  # without sorting it is about 1.9 times
