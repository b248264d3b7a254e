"""The same models and training steps in JAX, to stand beside ours where JAX is installed."""
