"""The recurrences of `fwp.ops` in JAX: `lax.scan` over time, and products within chunks of time.

Arguments and equations are those of the references, without initial state and final state.
"""

import jax
import jax.numpy as jnp
from jax import lax
from jax.nn import sigmoid, softmax
from jax.scipy.linalg import solve_triangular

CHUNK = 64
DELTA_CHUNK = 32


def over_time(step, state, *inputs):
    """Outputs [B, T, ...] of `step(state, inputs at t)`, which returns (state, output)."""
    by_time = jax.tree.map(lambda x: jnp.moveaxis(x, 1, 0), inputs)
    _, outputs = lax.scan(step, state, by_time)
    return jnp.moveaxis(outputs, 0, 1)


def linear_attention(q, k, v):
    """`fwp.ops.linear_attention`."""

    def step(S, now):
        q, k, v = now
        S = S + jnp.einsum("bhk,bhv->bhkv", k, v)
        return S, jnp.einsum("bhk,bhkv->bhv", q, S)

    return over_time(step, _memory(k, v), q, k, v)


def linear_attention_in_chunks(q, k, v):
    """The same by products within chunks of time, as its backend `chunked`."""
    T = q.shape[1]

    def step(S, now):
        q, k, v = now
        y = q @ S + jnp.tril(q @ jnp.swapaxes(k, -1, -2)) @ v
        return S + jnp.swapaxes(k, -1, -2) @ v, y

    _, y = lax.scan(step, _memory(k, v), tuple(_chunks(x, CHUNK) for x in (q, k, v)))
    return _joined(y, T)


def delta_rule(q, k, v, beta):
    """`fwp.ops.delta_rule`."""

    def step(S, now):
        q, k, v, beta = now
        change = beta[..., None] * (v - jnp.einsum("bhk,bhkv->bhv", k, S))
        S = S + jnp.einsum("bhk,bhv->bhkv", k, change)
        return S, jnp.einsum("bhk,bhkv->bhv", q, S)

    return over_time(step, _memory(k, v), q, k, v, beta)


def delta_rule_in_chunks(q, k, v, beta):
    """The same by products within chunks of time, as its backend `chunked`."""
    T, first = q.shape[1], _memory(k, v)
    q, k, v, beta = (_chunks(x, DELTA_CHUNK) for x in (q, k, v, beta[..., None]))
    scaled = beta * k
    system = jnp.tril(scaled @ jnp.swapaxes(k, -1, -2), -1) + jnp.eye(q.shape[-2], dtype=q.dtype)
    right = jnp.concatenate([beta * v, scaled], axis=-1)
    solved = solve_triangular(system, right, lower=True, unit_diagonal=True)
    fresh, correction = jnp.split(solved, [v.shape[-1]], axis=-1)
    attention = jnp.tril(q @ jnp.swapaxes(k, -1, -2))

    def step(S, now):
        q, k, fresh, correction, attention = now
        u = fresh - correction @ S
        return S + jnp.swapaxes(k, -1, -2) @ u, q @ S + attention @ u

    _, y = lax.scan(step, first, (q, k, fresh, correction, attention))
    return _joined(y, T)


def recurrent_delta_rule(q, k, v, beta, r_q, r_k, r_v, r_beta):
    """`fwp.ops.recurrent_delta_rule` with its default options; its four products are one."""
    D = q.shape[-1]
    R = jnp.concatenate([r_q, r_k, r_v, r_beta[..., None]], axis=-1)
    inputs = jnp.concatenate([q, k, v, beta[..., None]], axis=-1)

    def step(state, now):
        S, y = state
        (inputs,) = now
        seen = inputs + jnp.einsum("bhi,hij->bhj", jnp.tanh(y), R)
        q, k, v, beta = jnp.split(seen, [D, 2 * D, 3 * D], axis=-1)
        q, k = softmax(q), softmax(k)
        change = sigmoid(beta) * (v - jnp.einsum("bhk,bhkv->bhv", k, S))
        S = S + jnp.einsum("bhk,bhv->bhkv", k, change)
        y = jnp.einsum("bhk,bhkv->bhv", q, S)
        return (S, y), y

    return over_time(step, (_memory(k, v), jnp.zeros_like(v[:, 0])), inputs)


def self_reference(x, w_y, w_q, w_k, w_beta):
    """`fwp.ops.self_reference` with its default options.

    The four matrices are one, W = [W_y, W_q, W_k, W_β]: one product takes the place of four.
    """
    D = x.shape[-1]
    W = jnp.concatenate([w_y, w_q, w_k, w_beta], axis=-1)
    places = [D, 2 * D, 3 * D]
    which = jnp.repeat(jnp.arange(4), jnp.array([D, D, D, 4]), total_repeat_length=3 * D + 4)

    def step(W, x):
        y, q, k, b = jnp.split(jnp.einsum("bhi,bhij->bhj", x, W), places, axis=-1)
        q, k = softmax(q), softmax(k)
        change = sigmoid(b)[..., which] * jnp.einsum("bhi,bhij->bhj", q - k, W)
        return W + jnp.einsum("bhi,bhj->bhij", k, change), y

    return over_time(lambda W, now: step(W, *now), jnp.broadcast_to(W, (len(x), *W.shape)), x)


def elementwise_lstm(z, f, w_z, w_f):
    """`fwp.ops.elementwise_lstm`."""

    def step(c, now):
        z, f = now
        forget = sigmoid(f + w_f * c)
        c = forget * c + (1 - forget) * jnp.tanh(z + w_z * c)
        return c, c

    return over_time(step, jnp.zeros_like(z[:, 0]), z, f)


def lstm(x, w_x, w_h, b):
    """`fwp.ops.lstm`; the products with the inputs are one, before the loop."""
    inputs = jnp.einsum("gdi,bti->btgd", w_x, x) + b

    def step(state, now):
        h, c = state
        (gates,) = now
        gates = gates + jnp.einsum("gde,be->bgd", w_h, h)
        i, f, g, o = (gates[:, n] for n in range(4))
        c = sigmoid(f) * c + sigmoid(i) * jnp.tanh(g)
        h = sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    zero = jnp.zeros_like(x[:, 0])
    return over_time(step, (zero, zero), inputs)


def causal_attention(q, k, v):
    """`fwp.nn.causal_attention`."""
    scores = jnp.einsum("bthd,bshd->bhts", q, k) / q.shape[-1] ** 0.5
    seen = jnp.tril(jnp.ones(scores.shape[-2:], dtype=bool))
    return jnp.einsum("bhts,bshd->bthd", softmax(jnp.where(seen, scores, -jnp.inf)), v)


def _memory(k, v):
    """S_0 [B, H, K, V]."""
    B, _, H, V = v.shape
    return jnp.zeros((B, H, k.shape[-1], V), v.dtype)


def _chunks(x, size):
    """[B, T, H, D] → [chunks, B, H, size, D]; zeros fill the last one."""
    B, T, H, D = x.shape
    count = -(-T // size)
    if count == 1:
        size = T
    x = jnp.pad(x, ((0, 0), (0, count * size - T), (0, 0), (0, 0)))
    return x.reshape(B, count, size, H, D).transpose(1, 0, 3, 2, 4)


def _joined(y, T):
    """Back to [B, T, H, D]."""
    count, B, H, size, D = y.shape
    return y.transpose(1, 0, 3, 2, 4).reshape(B, count * size, H, D)[:, :T]
