"""The models in JAX: embedding → blocks → readout, from the weights of a `SequenceModel`.

Weights are a dictionary by the names of PyTorch's state dict. A mixer is a function of its own
weights and x [B, T, D]; `MIXERS` has those of the paper. Each is written out with its default
options, for which `supported` looks.
"""

import jax
import jax.numpy as jnp
from jax.nn import sigmoid

from fwp import mixers
from fwp.benchmarks.jax_peer import recurrences
from fwp.config.settings import ModelSettings
from fwp.mixers._signature import read_signature

EPS = 1e-5


def linear(w, name, x):
    """A linear layer, with its bias if it has one."""
    y = x @ w[f"{name}.weight"].T
    return y + w[f"{name}.bias"] if f"{name}.bias" in w else y


def layer_norm(w, name, x):
    """Layer normalisation."""
    x = x - x.mean(-1, keepdims=True)
    x = x * jax.lax.rsqrt(jnp.square(x).mean(-1, keepdims=True) + EPS)
    return x * w[f"{name}.weight"] + w[f"{name}.bias"]


def _heads(x, heads):
    return x.reshape(*x.shape[:-1], heads, -1)


def _merged(y):
    return y.reshape(*y.shape[:-2], -1)


def lstm(w, x, _):
    """`fwp.mixers.lstm`."""
    return recurrences.lstm(x, w["w_x"], w["w_h"], w["b"])


def elstm(w, x, _):
    """`fwp.mixers.elstm`."""
    z, f = jnp.split(linear(w, "input", x), 2, axis=-1)
    c = recurrences.elementwise_lstm(z, f, w["w_z"], w["w_f"])
    return sigmoid(linear(w, "output", jnp.concatenate([x, c], axis=-1))) * c


def transformer(w, x, heads):
    """`fwp.mixers.transformer`."""
    q, k, v = (_heads(part, heads) for part in jnp.split(linear(w, "qkv", x), 3, axis=-1))
    return linear(w, "out", _merged(recurrences.causal_attention(q, k, v)))


def linear_transformer(w, x, heads, recurrence=recurrences.linear_attention):
    """`fwp.mixers.linear_transformer`, with the feature map elu + 1."""
    q, k, v = (_heads(part, heads) for part in jnp.split(linear(w, "qkv", x), 3, axis=-1))
    y = recurrence(jax.nn.elu(q) + 1, jax.nn.elu(k) + 1, v)
    return linear(w, "out", _merged(y))


def deltanet(w, x, heads, recurrence=recurrences.delta_rule):
    """`fwp.mixers.deltanet`, with elu + 1 divided by its sum."""
    D = x.shape[-1]
    q, k, v, beta = jnp.split(linear(w, "qkv_beta", x), [D, 2 * D, 3 * D], axis=-1)
    q, k = (jax.nn.elu(_heads(part, heads)) + 1 for part in (q, k))
    q, k = (part / part.sum(-1, keepdims=True) for part in (q, k))
    return linear(w, "out", _merged(recurrence(q, k, _heads(v, heads), sigmoid(beta))))


def recurrent_delta(w, x, heads):
    """`fwp.mixers.recurrent_delta`."""
    D = x.shape[-1]
    *qkv, beta = jnp.split(linear(w, "qkv_beta", x), [D, 2 * D, 3 * D], axis=-1)
    q, k, v = (_heads(part, heads) for part in qkv)
    y = recurrences.recurrent_delta_rule(q, k, v, beta, *w["r_qkv"], w["r_beta"])
    return linear(w, "out", _merged(y))


def srwm(w, x, heads):
    """`fwp.mixers.srwm`."""
    matrices = (w[name] for name in ("w_y", "w_q", "w_k", "w_beta"))
    return linear(w, "out", _merged(recurrences.self_reference(_heads(x, heads), *matrices)))


def _in_chunks(mixer, recurrence):
    return lambda w, x, heads: mixer(w, x, heads, recurrence)


MIXERS = {
    "lstm": {"scan": lstm},
    "elstm": {"scan": elstm},
    "transformer": {"matrices": transformer},
    "linear_transformer": {
        "scan": linear_transformer,
        "chunks": _in_chunks(linear_transformer, recurrences.linear_attention_in_chunks),
    },
    "deltanet": {
        "scan": deltanet,
        "chunks": _in_chunks(deltanet, recurrences.delta_rule_in_chunks),
    },
    "recurrent_delta": {"scan": recurrent_delta},
    "srwm": {"scan": srwm},
}
"""By mixer: ways to compute it, of which the fastest counts."""


def supported(settings: ModelSettings) -> bool:
    """Whether the model is one of the paper's, as they are here."""
    if settings.mixer not in MIXERS:
        return False
    known = read_signature(settings.mixer).options
    return all(
        value == known[name].default
        for name, value in settings.options.items()
        if name not in ("heads", "init")
    )


def logits(settings: ModelSettings, weights, tokens, way: str):
    """Logits [B, T, classes] of tokens [B, T]."""
    mix = MIXERS[settings.mixer][way]
    kind = mixers.get(settings.mixer)
    wiring = settings.wiring or kind.wiring
    x = weights["embedding.weight"][tokens]
    for i in range(settings.layers):
        start = f"blocks.{i}."
        w = {name.removeprefix(start): v for name, v in weights.items() if name.startswith(start)}
        own = {n.removeprefix("mixer."): v for n, v in w.items() if n.startswith("mixer.")}
        x = _block(w, lambda x, own=own: mix(own, x, settings.options.get("heads")), x, wiring)
    if wiring == "post_norm":
        x = layer_norm(weights, "norm", x)
    return linear(weights, "readout", x)


def _block(w, mix, x, wiring):
    """`fwp.models.block.Block`."""
    if wiring == "plain":
        return mix(x)
    if wiring == "pre_norm":
        x = x + mix(layer_norm(w, "mixer_norm", x))
    elif wiring == "normed_skip":
        x = layer_norm(w, "mixer_norm", x) + mix(x)
    else:
        x = layer_norm(w, "mixer_norm", x + mix(x))
    if "feed_forward_norm.weight" not in w:
        return x
    if wiring == "post_norm":
        return layer_norm(w, "feed_forward_norm", x + _feed_forward(w, x))
    return x + _feed_forward(w, layer_norm(w, "feed_forward_norm", x))


def _feed_forward(w, x):
    return linear(w, "feed_forward.outer", jax.nn.relu(linear(w, "feed_forward.inner", x)))


def loss(settings: ModelSettings, weights, tokens, targets, way: str):
    """Mean cross-entropy over all labels, in nats."""
    surprise = -jax.nn.log_softmax(logits(settings, weights, tokens, way))
    return jnp.take_along_axis(surprise, targets[..., None], axis=-1).mean()
