"""Labels of many strings: transitions of a language, remembered by numbers of states."""

import numpy as np

LARGEST = 50_000  # states; a table that is larger saves nothing


class Labeller:
    """The transitions met so far.

    Args:
        language: a `fwp.languages.base.Language`.
    """

    def __init__(self, language):
        self.language = language
        self.states = [language.start]
        self.numbers = {language.start: 0}
        self.targets = [language.class_of(language.start)]
        # For each state's number, the next state's by token: None = not met yet, -1 = dead.
        self.rows: list[list[int | None]] = [[None] * len(language.alphabet)]

    def labels(self, tokens: np.ndarray) -> list[int]:
        """What `Language.label` gives for the string of `tokens`, uint8 [length]."""
        language, rows, targets = self.language, self.rows, self.targets
        if len(self.states) > LARGEST:  # states hardly recur, as in languages with a stack
            return language.label(language.decode(tokens))
        at, labels = 0, []
        for position, token in enumerate(tokens.tobytes()):
            following = rows[at][token]
            if following is None:
                following = self._add(at, token)
            if following < 0:
                raise ValueError(language.unreadable(language.decode(tokens), position))
            at = following
            labels.append(targets[at])
        return labels

    def _add(self, at: int, token: int) -> int:
        """Enter a transition; the number of the state that it leads to."""
        state = self.language.step(self.states[at], self.language.alphabet[token])
        if state is None:
            self.rows[at][token] = -1
            return -1
        if state not in self.numbers:
            self.numbers[state] = len(self.states)
            self.states.append(state)
            self.targets.append(self.language.class_of(state))
            self.rows.append([None] * len(self.language.alphabet))
        self.rows[at][token] = self.numbers[state]
        return self.numbers[state]
