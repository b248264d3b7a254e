"""`fwp construct`: a model with hand-set weights, tried on long strings; or why there is none."""

from argparse import Namespace

from rich.console import Console

from fwp import languages
from fwp.constructions import NoConstructionError, answer, construct
from fwp.mixers._signature import SignatureError, read_signature
from fwp.utils import signals

TYPES = ("float32", "float64")


def run(options: Namespace) -> int:
    """Print what the weights do and how many strings are right, else what theorems say."""
    with signals.deferred():  # an exception within the import of PyTorch would be swallowed
        from fwp.models.check import read_options

    try:
        read_signature(options.mixer)
    except SignatureError as error:
        raise SignatureError(f"{options.mixer!r} is no mixer: it {error}") from None
    language = languages.get(options.language, **read_options(options.param))
    settings = read_options(options.set)
    try:
        made = construct(options.mixer, language, settings)
    except NoConstructionError as error:
        found = answer(options.mixer, language, settings)
        print(f"{options.mixer} on {options.language}: {found.verdict}")
        print(f"no construction: {error}")
        if found.source:
            unless = f", unless {found.unless}" if found.unless else ""
            print(f"theorem, for {found.precision} precision{unless}: {found.why}")
            print(f"source: {found.source}")
        return 0

    from fwp.constructions.check import check_construction

    print(f"{options.mixer} on {options.language}: constructed")
    print(f"width {made.hidden}, layers {made.layers}. {made.how}")
    right = True
    for dtype in TYPES:
        with Console(stderr=True).status(f"Reading strings in {dtype} …"):
            found = check_construction(
                made, language, dtype=dtype, length=options.length, count=options.strings
            )
        right &= found.right == 1
        print(
            f"{dtype}: {found.right:.1%} of {found.strings} strings of up to {found.longest} "
            f"symbols are right, {found.positions:.2%} of the positions"
        )
        if found.wrong:
            print(f"first wrong after {len(found.wrong)} symbols: …{found.wrong[-60:]}")
    return 0 if right else 1
