"""Stack manipulation with its answer in the string (FLaRe, Butoi et al. 2025)."""

from typing import NamedTuple

import numpy as np

from fwp.languages.base import Language
from fwp.languages.tracking import independent

PUSH, POP, MARK = "+", "-", "#"


class Reading(NamedTuple):
    """Where the reader stands.

    Attributes:
        stack: its symbols, from bottom to top.
        part: "initial" (the initial stack), "actions", "symbol" (that a push is to put there) or
            "answer", of which the stack holds what is due.
    """

    stack: str = ""
    part: str = "initial"


class FlareStackManipulation(Language):
    """An initial stack from bottom to top, actions, #, and the final stack from top to bottom.

    The actions are + with a symbol, which it pushes, and -, which pops one; an empty stack is never
    popped. Initial stack and actions may be empty. The target is what may follow. As in the code of
    FLaRe, a push and a pop are equally likely at every step, and the actions end where a push would
    be one too many. Given the length, all sizes of the initial stack are equally likely.
    """

    name = "flare_stack_manipulation"
    title = "Stack manipulation (FLaRe)"
    alphabet = ("0", "1", PUSH, POP, MARK)
    classes = ("01+-#", "+-#", "+#", "01", "0", "1", "end")
    start = Reading()
    distribution = "sizes of the initial stack evenly, uniform symbols, pushes and pops alike"

    def __init__(self):
        # Orders of actions, by pushes that are left and by the depth of the stack.
        self._orders: list[list[int]] = [[]]

    def step(self, state: Reading, symbol: str) -> Reading | None:
        stack, part = state
        if part == "answer":
            return Reading(stack[:-1], part) if stack[-1:] == symbol else None
        if part == "symbol" or (part == "initial" and symbol in "01"):
            following = "actions" if part == "symbol" else part
            return Reading(stack + symbol, following) if symbol in "01" else None
        if symbol == PUSH:
            return Reading(stack, "symbol")
        if symbol == MARK:
            return Reading(stack, "answer")
        return Reading(stack[:-1], "actions") if symbol == POP and stack else None

    def accepts(self, state: Reading) -> bool:
        return state == Reading("", "answer")

    def target(self, state: Reading) -> int:
        stack, part = state
        if part == "initial":
            return 0
        if part == "actions":
            return 1 if stack else 2
        if part == "symbol":
            return 3
        return 4 + int(stack[-1]) if stack else 6

    def completions(self, state: Reading, length: int) -> int:
        stack, part = state
        deep = len(stack)
        if part == "answer":
            return int(length == deep)
        if part == "symbol":
            return 2 * self.completions(Reading(stack + "0", "actions"), length - 1)
        # A symbol of the stack is written twice at most, and a push takes three symbols, or the
        # push and the pop. So the length of a string gives the number of its pushes.
        if part == "actions":
            pushes, rest = divmod(length - deep - 1, 3)
            return 2**pushes * self._ways(deep, pushes) if pushes >= 0 and not rest else 0
        total, ways = length + deep, 0
        for size in range(deep, (total - 1) // 2 + 1):
            pushes, rest = divmod(total - 2 * size - 1, 3)
            if not rest:
                ways += 2 ** (size - deep + pushes) * self._ways(size, pushes)
        return ways

    def _ways(self, depth: int, pushes: int) -> int:
        """Orders of so many pushes, and any number of pops, from a stack of that depth."""
        orders = self._orders
        while len(orders) <= pushes:
            orders.append([])
        for left in range(pushes + 1):
            row, deepest = orders[left], depth + pushes - left
            while len(row) <= deepest:
                pop = row[-1] if row else 0
                row.append(pop + (orders[left - 1][len(row) + 1] if left else 1))
        return orders[pushes][depth]

    def draw(self, rng: np.random.Generator, length: int, count: int) -> list[str]:
        sizes = [n for n in range((length + 1) // 2) if (length - 1 - 2 * n) % 3 == 0]
        strings = []
        for size in rng.choice(sizes, size=count).tolist():
            pushes = (length - 1 - 2 * size) // 3
            [symbols] = independent(rng, ("0", "1"), size + pushes, 1)
            initial, pushed = symbols[:size], iter(symbols[size:])
            stack, actions = [*initial], []
            pops = iter(rng.integers(2, size=size + 2 * pushes + 1).tolist())
            while True:
                if stack and next(pops):
                    stack.pop()
                    actions.append(POP)
                elif (symbol := next(pushed, "")) != "":
                    stack.append(symbol)
                    actions.append(PUSH + symbol)
                else:
                    break
            strings.append(initial + "".join(actions) + MARK + "".join(reversed(stack)))
        return strings
