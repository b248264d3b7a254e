"""Recurrences: how a fast-weight state is written and read, one per file, as pure functions.

Import an op from its own module, `from fwp.ops.delta_rule import delta_rule`, so that a model
depends on the recurrences it uses and on no other. An op is a function of its file's name, declared
from its reference (see `fwp.kernels.op`); one with kernels is a folder, with the kernels beside it.
"""

from fwp.kernels.registry import Room

ROOM = Room(__name__, __file__)
names, get = ROOM.names, ROOM.get
