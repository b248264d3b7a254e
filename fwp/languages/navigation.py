"""Small machines of Delétang et al. (2023): cycle navigation and even pairs."""

from fwp.languages._checks import check_integer
from fwp.languages.tracking import Tracking


class CycleNavigation(Tracking):
    """The position of a walk on a cycle: + is a step forward, - a step back, 0 none.

    Delétang et al. 2023, there with five places and the answer only at the end.

    Args:
        size: places on the cycle.
        labels: see `Tracking`.
    """

    name = "cycle_navigation"
    title = "Cycle navigation"
    inputs = ("0", "+", "-")
    initial = 0

    def __init__(self, *, size: int = 5, labels: str = "every"):
        check_integer("size", size, 2, 1000)
        self.classes = tuple(map(str, range(size)))
        super().__init__(labels)

    def move(self, state: int, symbol: str) -> int:
        return (state + (symbol == "+") - (symbol == "-")) % len(self.classes)

    def show(self, state: int) -> int:
        return state


class EvenPairs(Tracking):
    """Is the number of ab and ba within the string even? That is: do its ends agree?

    Delétang et al. 2023, there with the answer only at the end. State: first and last symbol.
    """

    name = "even_pairs"
    title = "Even pairs"
    inputs = ("a", "b")
    classes = ("odd", "even")
    initial = ""

    def __init__(self, *, labels: str = "every"):
        super().__init__(labels)

    def move(self, state: str, symbol: str) -> str:
        return (state[:1] or symbol) + symbol

    def show(self, state: str) -> int:
        return int(state[:1] == state[-1:])
