"""Bins of test sets that share lengths: a name behind the window tells them apart, "20-29 SA"."""

from fwp.utils.bins import Bin


class NamedBin(Bin):
    """A bin that may have a name; it is compared and ordered by its lengths."""

    name: str = ""

    @classmethod
    def of(cls, bin: Bin, name: str) -> "NamedBin":
        """A bin with a name, one word; "" for none."""
        own = cls(*bin)
        own.name = name
        return own

    @classmethod
    def parse(cls, text: str) -> "NamedBin":
        """The bin that is written so; ValueError if it is none."""
        window, _, name = text.partition(" ")
        return cls.of(Bin.parse(window), name)

    def __str__(self) -> str:
        return f"{Bin.__str__(self)} {self.name}".rstrip()

    @property
    def label(self) -> str:
        """The bin with an en dash, for readers: 20–29 SA."""
        return f"{Bin(*self).label} {self.name}".rstrip()
