"""Training steps in JAX: a program of many steps, for one seed or for several by `vmap`."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fwp.benchmarks import apart
from fwp.benchmarks.jax_peer import model
from fwp.config.settings import ModelSettings
from fwp.experiment.cell import Cell
from fwp.models.sequence_model import SequenceModel

STEPS = 50  # of a program, by `lax.scan`: between them nothing waits for the host
BETAS, EPS = (0.9, 0.999), 1e-8


def weights_of(torch_model: SequenceModel) -> dict[str, np.ndarray]:
    """The weights of a model, by their names in its state dict."""
    return {name: x.detach().cpu().numpy() for name, x in torch_model.state_dict().items()}


def adam(weights, gradients, moments, rate):
    """Adam (Kingma & Ba 2015): new weights and new moments (steps so far, means, squares)."""
    count, means, squares = moments
    count = count + 1
    (a, b), tree = BETAS, jax.tree
    means = tree.map(lambda m, g: a * m + (1 - a) * g, means, gradients)
    squares = tree.map(lambda s, g: b * s + (1 - b) * g * g, squares, gradients)

    def moved(w, m, s):
        return w - rate * (m / (1 - a**count)) / (jnp.sqrt(s / (1 - b**count)) + EPS)

    return tree.map(moved, weights, means, squares), (count, means, squares)


def program(settings: ModelSettings, way: str, pack: int):
    """A compiled function (weights, moments, tokens, targets, rate) → (weights, moments, losses).

    Tokens and targets are [steps, B, T], or [steps, pack, B, T] for a pack, whose weights and
    moments have its axis in front. Memory of weights and moments is used again for the new ones.
    """

    def one(weights, moments, tokens, targets, rate):
        wanted = functools.partial(model.loss, settings, way=way)
        loss, gradients = jax.value_and_grad(wanted)(weights, tokens, targets)
        return *adam(weights, gradients, moments, rate), loss

    step = one if pack == 1 else jax.vmap(one, (0, 0, 0, 0, None))

    @functools.partial(jax.jit, donate_argnums=(0, 1))
    def steps(weights, moments, tokens, targets, rate):
        def body(carry, now):
            *carry, loss = step(*carry, *now, rate)
            return tuple(carry), loss

        (weights, moments), losses = lax.scan(body, (weights, moments), (tokens, targets))
        return weights, moments, losses

    return steps


def measured(cell: dict, sizes: list[dict], device: str, budget: float) -> list[dict]:
    """Rows with `seconds` of each size and way, or with a `note`; in a process of its own.

    Args:
        cell: as a dictionary.
        sizes: pack, batch, length and symbols.
        device: "cpu" or "cuda".
    """
    settings = Cell.from_dict(cell).model
    if not model.supported(settings):
        return [sizes[0] | {"note": "not written in JAX"}]
    if device != "cpu" and jax.default_backend() != "gpu":
        return [sizes[0] | {"note": "JAX sees no GPU"}]
    return [
        size | {"way": way, "seconds": found}
        for size in sizes
        for way, found in seconds(settings, **size, budget=budget).items()
    ]


def seconds(
    settings: ModelSettings,
    *,
    pack: int,
    batch: int,
    length: int,
    symbols: int = 2,
    budget: float,
    steps: int = STEPS,
) -> dict[str, float]:
    """Seconds of a step of `pack` seeds on strings of `symbols`, by way to compute the model."""
    rng = np.random.default_rng(0)
    shape = (steps, *([pack] if pack > 1 else []), batch, length)
    tokens, targets = (
        jnp.asarray(rng.integers(symbols, size=shape, dtype=np.int32)) for _ in range(2)
    )
    found, clock = {}, apart.clock(jax.default_backend())
    for way in model.MIXERS[settings.mixer]:
        weights = _start(settings, pack, symbols)
        zeros = jax.tree.map(jnp.zeros_like, weights)
        moments = (jnp.zeros(() if pack == 1 else pack), zeros, jax.tree.map(jnp.zeros_like, zeros))
        # On a GPU, float32 is computed in TF32 otherwise, which is less exact than what we do.
        with jax.default_matmul_precision("highest"):
            run = program(settings, way, pack).lower(weights, moments, tokens, targets, 0.0)
            run = run.compile()
        fastest, spent, calls = np.inf, 0.0, 0
        while calls < 3 or spent < budget:
            start = clock()
            weights, moments, losses = run(weights, moments, tokens, targets, 0.0)
            losses.block_until_ready()
            took = clock() - start
            calls, spent = calls + 1, spent + took
            fastest = min(fastest, took) if calls > 1 else fastest
        found[way] = fastest / steps
    return found


def _start(settings: ModelSettings, pack: int, symbols: int):
    models = [weights_of(SequenceModel(symbols, symbols, settings)) for _ in range(pack)]
    if pack == 1:
        return jax.tree.map(jnp.asarray, models[0])
    return jax.tree.map(lambda *parts: jnp.stack(parts), *models)
