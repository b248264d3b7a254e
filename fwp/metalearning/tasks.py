"""Families of tasks, and examples of tasks that are drawn from them.

A task is few-shot classification or regression. No two tasks of a batch are the same, so that a
model must learn each from its examples.
"""

from typing import NamedTuple, Protocol

import numpy as np


class Examples(NamedTuple):
    """Inputs float32 [B, N, inputs] and labels float32 [B, N, outputs] of B tasks.

    A label is a number, or a class as a one-hot vector.
    """

    x: np.ndarray
    y: np.ndarray


class Tasks(Protocol):
    """B tasks of a family, whose examples are drawn."""

    def context(self, rng: np.random.Generator) -> Examples:
        """ways × shots examples to learn from; of classification, `shots` of each class."""
        ...

    def queries(self, rng: np.random.Generator, count: int) -> Examples:
        """So many examples to be asked about."""
        ...


class Family(Protocol):
    """What tasks are drawn from.

    Attributes:
        inputs, outputs: size of an example's input and of its label.
        classes: whether a label is a class.
    """

    inputs: int
    outputs: int
    classes: bool

    def draw(self, rng: np.random.Generator, count: int, domain: int, *, test: bool) -> Tasks:
        """Draw `count` tasks of domain 0 or 1, for training or for tests."""
        ...


class Clusters:
    """Few-shot classification of points around prototypes, of its own in each task.

    A class is p ~ N(0, I), and its examples are p + noise · ε with ε ~ N(0, I). All are divided by
    √(1 + noise²).

    Args:
        ways: classes of a task.
        shots: examples of each class.
        dimensions: of an example.
        noise: standard deviation around a prototype; that of the prototypes is 1.
    """

    classes = True

    def __init__(self, ways: int, shots: int, *, dimensions: int, noise: float):
        self.inputs, self.outputs = dimensions, ways
        self.shots, self.noise = shots, noise

    def draw(
        self, rng: np.random.Generator, count: int, domain: int = 0, *, test: bool = False
    ) -> "Classes":
        """Prototypes of `count` tasks; both domains, and tests too, have the same distribution."""
        del domain, test
        prototypes = rng.standard_normal((count, self.outputs, self.inputs), dtype=np.float32)
        rows = np.arange(count)[:, None]

        def example(rng: np.random.Generator, classes: np.ndarray) -> np.ndarray:
            noise = rng.standard_normal((*classes.shape, self.inputs), dtype=np.float32)
            x = prototypes[rows, classes] + np.float32(self.noise) * noise
            return x / np.float32(np.hypot(1, self.noise))

        return Classes(count, self.outputs, self.shots, example)


class Classes:
    """Tasks of classification; `example` draws an input of each of the classes [B, N]."""

    def __init__(self, count: int, ways: int, shots: int, example):
        self._count, self._ways, self._shots, self._example = count, ways, shots, example

    def context(self, rng: np.random.Generator) -> Examples:
        """`shots` examples of each class, in random order."""
        order = np.tile(np.repeat(np.arange(self._ways), self._shots), (self._count, 1))
        return self._examples(rng, rng.permuted(order, axis=1))

    def queries(self, rng: np.random.Generator, count: int) -> Examples:
        """Examples of random classes."""
        return self._examples(rng, rng.integers(self._ways, size=(self._count, count)))

    def _examples(self, rng: np.random.Generator, classes: np.ndarray) -> Examples:
        one_hot = np.eye(self._ways, dtype=np.float32)[classes]
        return Examples(self._example(rng, classes), one_hot)


class Linear:
    """Regression: y = w · x with w ~ N(0, I / dimensions) of each task, x ~ N(0, I)."""

    classes = False

    def __init__(self, ways: int, shots: int, *, dimensions: int):
        self.inputs, self.outputs, self._size = dimensions, 1, ways * shots

    def draw(
        self, rng: np.random.Generator, count: int, domain: int = 0, *, test: bool = False
    ) -> "Functions":
        """Weights of `count` tasks; both domains, and tests too, have the same distribution."""
        del domain, test
        w = rng.standard_normal((count, 1, self.inputs)) / np.sqrt(self.inputs)
        return Functions(
            count,
            self._size,
            lambda rng, shape: rng.standard_normal((*shape, self.inputs)),
            lambda x: (x * w).sum(-1, keepdims=True),
        )


class Sinusoids:
    """Regression: y = a sin(x + φ), with a ~ U(0.1, 5.1) and φ ~ U(0, π) of each task.

    x ~ U(-5, 5). As in the code of Javed and White (2019). Inputs are divided by 3 and labels by 2,
    which brings both to the size of 1.
    """

    classes = False

    def __init__(self, ways: int, shots: int):
        self.inputs, self.outputs, self._size = 1, 1, ways * shots

    def draw(
        self, rng: np.random.Generator, count: int, domain: int = 0, *, test: bool = False
    ) -> "Functions":
        """Amplitudes and phases of `count` tasks, of both domains and for tests too."""
        del domain, test
        amplitude = rng.uniform(0.1, 5.1, size=(count, 1, 1)) / 2
        phase = rng.uniform(0, np.pi, size=(count, 1, 1))
        return Functions(
            count,
            self._size,
            lambda rng, shape: rng.uniform(-5 / 3, 5 / 3, size=(*shape, 1)),
            lambda x: amplitude * np.sin(3 * x + phase),
        )


class Functions:
    """Tasks of regression; `point` draws inputs of a shape, and `value` is y of x."""

    def __init__(self, count: int, size: int, point, value):
        self._count, self._size, self._point, self._value = count, size, point, value

    def context(self, rng: np.random.Generator) -> Examples:
        """Points and their values."""
        return self.queries(rng, self._size)

    def queries(self, rng: np.random.Generator, count: int) -> Examples:
        """So many points and their values."""
        x = self._point(rng, (self._count, count))
        return Examples(x.astype(np.float32), self._value(x).astype(np.float32))
