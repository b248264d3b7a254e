"""Second opinions on the languages of FLaRe, as in `recognisers.py`."""

import re
from decimal import Decimal, localcontext
from functools import partial


def even_pairs(string):
    member = string[0] == string[-1]
    return member, "01 end" if member else "01"


def parity(string):
    odd = string.count("1") % 2 == 1
    return odd, "01 end" if odd else "01"


def repeat_01(string):
    if not re.fullmatch("(01)*0?", string):
        return None
    return string.endswith("1"), "0 end" if string.endswith("1") else "1"


def first(string):
    return (True, "01 end") if string[0] == "1" else None


def cycle_navigation(string):
    if not (parsed := re.fullmatch("([<=>]*)([0-4]?)", string)):
        return None
    place = str((string.count(">") - string.count("<")) % 5)
    if parsed[2]:
        return (True, "end") if parsed[2] == place else None
    return False, f"<=>{place}"


def modular_arithmetic(string):
    if not (parsed := re.fullmatch("([0-4](?:[-+*][0-4])*)([-+*]|=[0-4]?)?", string)):
        return None
    # Brackets from the left take the place of precedence.
    value = str(eval("(" * (len(parsed[1]) // 2) + re.sub("(?<=[-+*].)", ")", parsed[1])) % 5)
    rest = parsed[2] or ""
    if len(rest) == 2:
        return (True, "end") if rest[1] == value else None
    return False, value if rest == "=" else "01234" if rest else "+-*="


def majority(string):
    more = string.count("1") > string.count("0")
    return more, "01 end" if more else "01"


def unmarked_reversal(string):
    ends = zip(string, reversed(string), strict=True)
    member = len(string) % 2 == 0 and all(a == b for a, b in ends)
    return member, "01 end" if member else "01"


def missing_duplicate(string):
    if string.count("_") > 1:
        return None
    if "_" not in string:
        return False, "01_"
    member = bool(re.fullmatch(r"([01]+)\1", string.replace("_", "1")))
    return member, "01 end" if member else "01"


def answered(string, answer, symbols="01"):
    word, mark, rest = string.partition("#")
    if not mark:
        return False, f"{symbols}#"
    return of_answer(answer(word), rest)


def of_answer(due, rest):
    if not due.startswith(rest):
        return None
    return rest == due, "end" if rest == due else due[len(rest)]


def stack_manipulation(string):
    """A push and the pop after it cancel each other; the initial stack was pushed, too."""
    head, mark, rest = string.partition("#")
    parsed = re.fullmatch(r"([01]*)((?:\+[01]|-)*)(\+?)", head)
    if not parsed or (mark and parsed[3]):
        return None
    left, before = re.sub("(.)", r"+\1", parsed[1]) + parsed[2], None
    while left != before:
        before, left = left, re.sub(r"\+[01]-", "", left)
    if "-" in left:
        return None
    left = left.replace("+", "")
    if mark:
        return of_answer(left[::-1], rest)
    if parsed[3] or not parsed[2]:
        return False, "01" if parsed[3] else "01+-#"
    return False, "+-#" if left else "+#"


def equation(string, sign, result):
    head, mark, rest = string.partition("=")
    operands = head.split(sign) if sign else [head]
    if not re.fullmatch(f"[01]+{re.escape(sign)}[01]*" if sign else "[01]+", head):
        if sign and re.fullmatch("[01]+", head) and not mark:
            return False, f"01{sign}"
        return None
    if not mark:
        return False, "01=" if operands[-1] else "01"
    if not operands[-1] or set(rest) - {"0", "1"}:
        return None
    value = result(*(sum(2**i for i, bit in enumerate(bits) if bit == "1") for bits in operands))
    due = "".join(reversed(f"{value:b}"))
    if rest.startswith(due):
        return (True, "0 end") if not rest[len(due) :].strip("0") else None
    return (False, due[len(rest)]) if due.startswith(rest) else None


def root(number):
    with localcontext() as context:
        context.prec = 100
        return int(Decimal(number).sqrt())


FLARE = {
    "flare_even_pairs": even_pairs,
    "flare_parity": parity,
    "repeat_01": repeat_01,
    "first": first,
    "flare_cycle_navigation": cycle_navigation,
    "flare_modular_arithmetic": modular_arithmetic,
    "majority": majority,
    "unmarked_reversal": unmarked_reversal,
    "marked_reversal": partial(answered, answer=lambda s: "".join(reversed(s))),
    "marked_copy": partial(answered, answer=lambda s: s),
    "flare_missing_duplicate": missing_duplicate,
    "flare_odds_first": partial(
        answered,
        answer=lambda s: "".join(s[i] for odd in (0, 1) for i in range(len(s)) if i % 2 == odd),
    ),
    "flare_bucket_sort": partial(
        answered, answer=lambda s: "".join(d * s.count(d) for d in "12345"), symbols="12345"
    ),
    "flare_stack_manipulation": stack_manipulation,
    "flare_binary_addition": partial(equation, sign="+", result=lambda x, y: x + y),
    "flare_binary_multiplication": partial(equation, sign="×", result=lambda x, y: x * y),
    "flare_compute_sqrt": partial(equation, sign="", result=root),
}
