"""Star-free languages: regular, and within reach without counting modulo a number."""

from fwp.languages.regex import Pattern


class StarFree(Pattern):
    """A language given by its pattern; the target is what may follow. Bhattamishra et al. 2020."""

    pattern: str

    def __init__(self):
        super().__init__(self.pattern)


def nested(depth: int) -> str:
    """D_n = (a D_{n-1} b)*, with D_0 the empty string: brackets a and b to a bounded depth."""
    return f"(a{nested(depth - 1)}b)*" if depth else ""


class D2(StarFree):
    """D_2 = (a(ab)*b)*, of dot depth 2."""

    name = "d_2"
    title = "D₂"
    latex = "$D_2$"
    pattern = nested(2)


class D3(StarFree):
    """D_3 = (a D_2 b)*, of dot depth 3."""

    name = "d_3"
    title = "D₃"
    latex = "$D_3$"
    pattern = nested(3)


class D4(StarFree):
    """D_4 = (a D_3 b)*, of dot depth 4."""

    name = "d_4"
    title = "D₄"
    latex = "$D_4$"
    pattern = nested(4)


class D12(StarFree):
    """D_12 = (a D_11 b)*, of dot depth 12."""

    name = "d_12"
    title = "D₁₂"
    latex = "$D_{12}$"
    pattern = nested(12)


class AaBbCcDdEe(StarFree):
    """aa*bb*cc*dd*ee*."""

    name = "aa_bb_cc_dd_ee"
    title = "aa*bb*cc*dd*ee*"
    latex = "$aa^*bb^*cc^*dd^*ee^*$"
    pattern = "aa*bb*cc*dd*ee*"


class AbDBc(StarFree):
    """{a,b}*d{b,c}*."""

    name = "ab_d_bc"
    title = "{a,b}*d{b,c}*"
    latex = r"$\{a,b\}^*d\{b,c\}^*$"
    pattern = "[ab]*d[bc]*"


class ZeroOneTwoZeroTwo(StarFree):
    """{0,1,2}*02*."""

    name = "012_0_2"
    title = "{0,1,2}*02*"
    latex = r"$\{0,1,2\}^*02^*$"
    pattern = "[012]*02*"
