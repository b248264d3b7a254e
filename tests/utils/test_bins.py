import pytest

from fwp.utils.bins import Bin, accuracy_column, bin_of_column
from fwp.utils.named_bins import NamedBin


@pytest.mark.parametrize("text", ["2", "50-2", "2–50", "a-b", ""])
def test_bins_are_checked(text):
    with pytest.raises(ValueError, match="a bin is written shortest-longest, like 51-100; got"):
        Bin.parse(text)


def test_a_bin_is_read_written_and_compared():
    bin = Bin.parse("51-100")
    assert bin == (51, 100) and str(bin) == "51-100" and bin.label == "51–100"
    assert [bin.holds(length) for length in (50, 51, 100, 101)] == [False, True, True, False]
    assert sorted(["101-200", "51-100", "2-50"], key=Bin.parse) == ["2-50", "51-100", "101-200"]


def test_sets_of_the_same_lengths_have_names():
    bin = NamedBin.parse("20-29 SA")
    assert (bin, bin.name, str(bin), bin.label) == ((20, 29), "SA", "20-29 SA", "20–29 SA")
    assert str(NamedBin.parse("20-29")) == "20-29" and NamedBin.parse("20-29").label == "20–29"
    assert str(NamedBin.of(Bin(1, 2), "x")) == "1-2 x"


def test_columns_of_the_history_name_bins():
    assert accuracy_column("2-50") == accuracy_column(Bin(2, 50)) == "accuracy 2-50"
    assert bin_of_column("accuracy 2-50") == Bin(2, 50)
    for column in ("accuracy", "accuracy 2", "epoch", "2-50", "accuracy accuracy 2-50"):
        assert bin_of_column(column) is None
