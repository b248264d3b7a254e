"""The runtime of the charts, Vega with Vega-Lite and Vega-Embed, as a part of a page.

The package vl-convert carries it, and needs seconds to join it into one script. So the result is
kept beside the compiled kernels. It is compressed, which leaves a third of its size, and the
page's own script inflates it.
"""

import base64
import contextlib
import gzip
from functools import cache
from importlib import metadata

from fwp.kernels.c_cache import Untrusted, cache_folder, trusted
from fwp.utils.files import atomic

DAMAGED = (gzip.BadGzipFile, EOFError, OSError)


def packed(data: bytes) -> str:
    """Bytes as base64 of their gzip form; the same bytes give the same text."""
    return base64.b64encode(gzip.compress(data, 9, mtime=0)).decode()


def unpacked(text: str) -> bytes:
    """The bytes of which `packed` made a text."""
    return gzip.decompress(base64.b64decode(text))


@cache
def runtime() -> str:
    """The script that draws charts, `packed`. It sets `vegaEmbed` of the window."""
    name = f"vega-{metadata.version('vl-convert-python')}.js.gz"
    try:
        path = trusted(cache_folder()) / name
    except (Untrusted, OSError, RuntimeError):  # RuntimeError: there is no home
        return packed(_bundle())
    with contextlib.suppress(*DAMAGED):
        return packed(gzip.decompress(path.read_bytes()))
    script = _bundle()
    with contextlib.suppress(OSError), atomic(path) as temporary:
        temporary.write_bytes(gzip.compress(script, 9, mtime=0))
    return packed(script)


def _bundle() -> bytes:
    from vl_convert import javascript_bundle

    return javascript_bundle("window.vegaEmbed = vegaEmbed").encode()
