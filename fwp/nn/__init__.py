"""Layers that blocks and mixers are made of, each with its kernels beside it.

Those that are ops (see `fwp.kernels.op`) are a folder with a function of its name.
"""

from fwp.kernels.registry import Room

ROOM = Room(__name__, __file__)
names, get = ROOM.names, ROOM.get
