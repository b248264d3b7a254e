import numpy as np

from fwp.datasets.dataset import Split
from fwp.training.batches import PaddedSplit, pad
from fwp.utils.targets import NO_TARGET


def split_of(*strings: list[int]) -> Split:
    """A split whose targets are its tokens plus ten."""
    tokens = np.concatenate([np.array(s, dtype=np.uint8) for s in strings])
    offsets = np.cumsum([0] + [len(s) for s in strings])
    return Split("train", "1-9", tokens, tokens.astype(np.int16) + 10, offsets)


def test_padding_stands_on_the_right_and_is_ignored():
    tokens, targets = pad(split_of([1, 2, 3], [4], [5, 6]), np.array([2, 0]))
    np.testing.assert_array_equal(tokens, [[5, 6, 0], [1, 2, 3]])
    np.testing.assert_array_equal(targets, [[15, 16, NO_TARGET], [11, 12, 13]])


def many() -> PaddedSplit:
    rng = np.random.default_rng(0)
    lengths = rng.integers(2, 51, size=1000)
    return PaddedSplit.of(split_of(*(rng.integers(2, size=length) for length in lengths)))


def test_an_epoch_shows_every_string_once():
    batches = many().epoch(64, seed=1, epoch=1)
    assert {b.times.sum() for b in batches} == {64, 1000 % 64}
    seen = np.concatenate([np.repeat(b.rows, b.times) for b in batches])
    distinct = many().first
    np.testing.assert_array_equal(np.sort(seen), np.sort(distinct))


def test_strings_are_cut_off_where_a_curriculum_says():
    strings = many()
    batches = strings.cut(7).epoch(64, 1, 1)
    assert max(b.longest for b in batches) == 7 and {b.limit for b in batches} == {7}
    assert sum(b.times.sum() for b in batches) == 1000
    assert sum(b.labels for b in batches) == np.minimum(strings.lengths, 7).sum()
    whole = strings.epoch(64, 1, 1)
    assert sum(b.labels for b in whole) == strings.lengths.sum()
    assert {b.limit for b in whole} == {strings.tokens.shape[1]}


def test_others_stand_in_for_strings_whose_labels_are_cut_off():
    split = split_of([1, 2], [1, 2, 3], [4, 5, 6, 7], [1])
    targets = np.full_like(split.targets, NO_TARGET)
    targets[split.offsets[1:] - 1] = 1  # the last symbol's alone
    strings = PaddedSplit.of(Split("train", "1-9", split.tokens, targets, split.offsets))
    (batch,) = strings.cut(2).epoch(8, seed=0, epoch=1)
    assert set(batch.rows) == {0, 3}
    assert batch.labels == batch.times.sum() == 4
    assert batch.longest == 2


def test_equal_strings_of_a_batch_are_in_it_once():
    strings = PaddedSplit.of(split_of([1, 2], [1], [1, 2], [1, 2], [1]))
    (batch,) = strings.epoch(8, seed=0, epoch=1)
    np.testing.assert_array_equal(batch.rows, [0, 1])
    np.testing.assert_array_equal(batch.times, [3, 2])


def test_epochs_and_seeds_differ_and_repeat():
    def epoch(seed, number):
        return np.concatenate([b.rows for b in many().epoch(64, seed, number)])

    np.testing.assert_array_equal(epoch(1, 1), epoch(1, 1))
    assert not np.array_equal(epoch(1, 1), epoch(1, 2))
    assert not np.array_equal(epoch(1, 1), epoch(2, 1))


def test_seeds_get_batches_of_like_length_at_the_same_time():
    strings = many()
    pairs = zip(strings.epoch(64, 1, 1), strings.epoch(64, 2, 1), strict=True)
    longest = [[strings.lengths[b.rows].max() for b in pair] for pair in pairs]
    assert all(abs(int(a) - int(b)) <= 8 for a, b in longest[:-1])


def test_little_of_a_batch_is_padding():
    strings = many()
    batches = strings.epoch(64, seed=1, epoch=1)
    symbols = sum(strings.lengths[b.rows].max() * b.times.sum() for b in batches)
    assert symbols < 1.15 * strings.lengths.sum()  # without sorting it is about 1.9 times
