"""Second opinions on the languages, written without their code: regular expressions and counting.

`RECOGNISERS` maps a language's name to a function of a string over its alphabet, and of the
parameters of the language if it has any. It returns None for what is not a prefix of the language,
and otherwise the pair (is it in the language, class of its last position); the class is an index, a
name or, where there is no target, None. To cover a new language, add a function here; without one,
the tests that need a second opinion are skipped for it.
"""

import re
from collections import Counter
from functools import cache, partial
from itertools import accumulate, groupby, pairwise, permutations, product
from math import cos, sin, tau
from statistics import median
from string import ascii_letters, digits

import numpy as np
from flare_recognisers import FLARE, root

from fwp import languages


def parity(string):
    even = string.count("1") % 2 == 0
    return even, int(even)


def aa_star(string):
    even = len(string) % 2 == 0
    return even, int(even)


def abab_star(string):
    if not re.fullmatch("(ab)*a?", string):
        return None
    complete = bool(re.fullmatch("(abab)*", string))
    return complete, int(complete)


def open_brackets(string, pair="()"):
    """What is left when neighbouring pairs are cancelled until none is left; None if unbalanced."""
    while pair in string:
        string = string.replace(pair, "")
    return None if pair[1] in string else string


def dyck_1(string):
    left = open_brackets(string)
    return None if left is None else (left == "", int(left != ""))


def reset_dyck_1(string, one_reset=False):
    parts = [open_brackets(part) for part in string.split("1")]
    if None in parts or (one_reset and len(parts) > 2):
        return None
    return len(parts) > 1 and parts[-1] == "", int(parts[-1] != "")


def shuffle(string, *pairs, nested=False):
    if nested and dyck(string, *pairs) is None:
        return None
    left = [open_brackets("".join(s for s in string if s in pair), pair) for pair in pairs]
    if None in left:
        return None
    state = "".join("01"[bool(brackets)] for brackets in left)
    return "1" not in state, int(state, 2)


def shuffle_2(string, nested=False):
    return shuffle(string, "()", "[]", nested=nested)


def shuffle_4(string, nested=False):
    return shuffle(string, "()", "[]", "{}", "<>", nested=nested)


def shuffle_6(string, nested=False):
    return shuffle(string, "()", "[]", "{}", "<>", "«»", "‹›", nested=nested)


def dyck(string, *pairs):
    """What is left of brackets that must not cross; None if some cannot be closed any more."""
    before = None
    while string != before:
        before = string
        for pair in pairs:
            string = string.replace(pair, "")
    return None if any(pair[1] in string for pair in pairs) else string


def dyck_2(string):
    left = dyck(string, "()", "[]")
    return None if left is None else (not left, f"{left[-1]} open" if left else "balanced")


def bounded_dyck(string, kinds=2, depth=4):
    pairs = ("()", "[]", "{}")[:kinds]
    left = dyck(string, *pairs)
    opening = [pair[0] for pair in pairs]
    if left is None or max(accumulate((2 * (s in opening) - 1 for s in string), initial=0)) > depth:
        return None
    room = "full" if len(left) == depth else "open"
    return not left, f"{left[-1]} {room}" if left else "balanced"


def boolean(string, operators):
    """Operators with their operands are replaced by a value until nothing more can be."""
    string, before = re.sub("[01]", "v", string), None
    while string != before:
        before = string
        for operands, sign in enumerate(operators, 1):
            string = string.replace(sign + "v" * operands, "v")
    if string[0] == "v" and len(string) > 1:
        return None
    return string == "v", int(string == "v")


def boolean_3(string):
    return boolean(string, "~+>")


def boolean_5(string):
    return boolean(string, "~+>&^")


def tomita_1(string):
    return None if "0" in string else (True, "1 end")


def tomita_2(string):
    if not re.fullmatch("(10)*1?", string):
        return None
    complete = string.endswith("0")
    return complete, "1 end" if complete else "0"


def tomita_3(string):
    runs = [(symbol, len(list(run)) % 2) for symbol, run in groupby(string)]
    odd = [i for i, run in enumerate(runs) if run == ("0", 1) and i and runs[i - 1] == ("1", 1)]
    if odd and odd[0] < len(runs) - 1:
        return None
    return not odd, "0" if odd else "01 end"


def tomita_4(string):
    return None if "000" in string else (True, "1 end" if string.endswith("00") else "01 end")


def tomita_5(string):
    even = string.count("0") % 2 == string.count("1") % 2 == 0
    return even, "01 end" if even else "01"


def tomita_6(string):
    equal = (string.count("0") - string.count("1")) % 3 == 0
    return equal, "01 end" if equal else "01"


def tomita_7(string):
    if not re.fullmatch("0*1*0*1*", string):
        return None
    return True, "1 end" if re.fullmatch("0*1+0+1+", string) else "01 end"


def d_n(string, n):
    depths = list(accumulate(1 if symbol == "a" else -1 for symbol in string))
    if min(depths) < 0 or max(depths) > n:
        return None
    return depths[-1] == 0, {0: "a end", n: "b"}.get(depths[-1], "ab")


def aa_bb_cc_dd_ee(string):
    if not re.fullmatch("a+(b+(c+(d+e*)?)?)?", string):
        return None
    return string[-1] == "e", "abcde"["abcde".index(string[-1]) :][:2] + " end" * ("e" in string)


def ab_d_bc(string):
    if not re.fullmatch("[ab]*(d[bc]*)?", string):
        return None
    return "d" in string, "bc end" if "d" in string else "abd"


def zero_one_two(string):
    complete = string.rstrip("2").endswith("0")
    return complete, "012 end" if complete else "012"


def aaaa_star(string):
    complete = len(string) % 4 == 0
    return complete, int(complete)


def anbncndn(string):
    match = re.fullmatch("(a+)(b*)(c*)(d*)", string)
    if not match:
        return None
    a, b, c, d = map(len, match.groups())
    if b > a or (c and b < a) or c > a or (d and c < a) or d > a:
        return None
    return d == a, "end" if d == a else "d" if c == a else "c" if b == a else "b" if b else "ab"


def anbn(string):
    match = re.fullmatch("(a+)(b*)", string)
    if not match or len(match[2]) > len(match[1]):
        return None
    complete = len(match[1]) == len(match[2])
    return complete, 2 if complete else 1 if match[2] else 0


def anbncn(string):
    match = re.fullmatch("(a+)(b*)(c*)", string)
    if not match:
        return None
    a, b, c = (len(match[i]) for i in (1, 2, 3))
    if b > a or c > b or (c and b < a):
        return None
    if c == a:
        return True, 3
    return False, 2 if b == a else 1 if b else 0


@cache
def regex(string, pattern, alphabet="", labels="member"):
    """By Python's own `re`, with all continuations of up to three symbols."""
    symbols = tuple(alphabet or sorted({s for s in pattern if s.isalnum()}))
    if not (followers := [s for s in ["", *symbols] if can_match(string + s, pattern, symbols)]):
        return None
    member = bool(re.fullmatch(pattern, string))
    if labels == "member":
        return member, "member" if member else "prefix"
    return member, "".join(followers) + " end" * member


@cache
def can_match(string, pattern, symbols):
    ends = ("".join(end) for n in range(4) for end in product(symbols, repeat=n))
    return any(re.fullmatch(pattern, string + end) for end in ends)


def automaton(string, file, labels="member", **_):
    member = string.count("1") % 2 == 0 if file == "parity.dot" else string[-2:-1] == "b"
    if labels == "member":
        return member, "member" if member else "prefix"
    return member, "ab end" if member else "ab"


def dfa(string, start, labels, **_):
    if start == "r0":  # binary numbers that are divisible by three
        rest = int("0" + string, 2) % 3
        return rest == 0, f"r{rest}" if labels == "state" else "member" if rest == 0 else "prefix"
    if not re.fullmatch("x*", string):
        return None
    odd = len(string) % 2 == 1
    return odd, "x end" if odd else "x"


def number_of(says, string, tier):
    """What a piece of a subregular language says of a string, by searching the text."""
    kind, *told = says
    symbols = ascii_letters
    text = "".join(symbol for symbol in string if symbol in tier)
    if kind == "factor":
        parts = {-1: "<", -2: ">"}
        factor = "".join(parts.get(token) or symbols[token] for token in told[0])
        found = len(re.findall(f"(?={factor})", f"<{text}>"))
        return min(found, told[1] if len(told) > 1 else 1)
    if kind == "subsequence":
        return int(bool(re.search(".*".join(symbols[token] for token in told[0]), text)))
    if kind == "in order":
        words = ("".join(symbols[token] for token in word) for word in told)
        return int(bool(re.search(".*".join(words), text)))
    if kind == "sum":
        return sum(told[0][symbols.index(symbol)] for symbol in text) % told[1]
    bits = [0] * len(told)
    for symbol in text:
        read = tuple(bits)
        for i, rule in enumerate(told):
            new = rule[(*read[:i], symbols.index(symbol))]
            bits[i] = bits[i] if new is None else new
    return int("".join(map(str, bits)), 2)


@cache
def subregular_of(**params):
    """A language, and whether a string has the numbers that it accepts."""
    known = languages.get("subregular", **params)

    @cache
    def contains(string):
        return tuple(number_of(p.says, string, known.tier) for p in known.pieces) in known.accepted

    @cache
    def is_prefix(string):  # what can be completed can be completed by so few symbols, here
        if string and not is_prefix(string[:-1]):
            return False
        ends = (end for length in range(5) for end in product(known.alphabet, repeat=length))
        return any(contains(string + "".join(end)) for end in ends)

    return known, contains, is_prefix


def subregular(string, labels="member", **params):
    known, contains, is_prefix = subregular_of(**params)
    if not is_prefix(string):
        return None
    member = contains(string)
    if labels == "member":
        return member, "member" if member else "prefix"
    after = "".join(symbol for symbol in known.alphabet if is_prefix(string + symbol))
    return member, " ".join(filter(None, [after, "end" * member]))


def counter_machine(string, start, **_):
    if start == "up":
        known = anbn(string)
        return known and (known[0], ("ab", "b", "end")[known[1]])
    if start == "s":
        known = shuffle_2(string)
        return known and (known[0], "member" if known[0] else "prefix")
    balance, above = 0, True
    for symbol in string:
        balance += 1 if symbol == "a" else -1
        above = balance > 0 or (above and balance == 0)
    return balance == 0, "more" if above else "less"


def question(string, labels):
    """What is asked about: a string without its final =; None for = elsewhere."""
    asked = string.endswith("=")
    string = string.removesuffix("=")
    known = "=" not in string and (labels == "last" or not asked)
    return (string, asked or labels == "every") if known else None


QUATERNIONS = ["1", "i", "j", "k", "-1", "-i", "-j", "-k"]


def quaternions(a, b):
    """Their product, of signed units."""
    sign, (p, q) = (a + b).count("-") % 2, (a[-1], b[-1])
    if "1" in (p, q):
        unit = q if p == "1" else p
    elif p == q:
        sign, unit = 1 - sign, "1"
    else:
        [unit] = {*"ijk"} - {p, q}
        sign ^= p + q not in "ijki"
    return "-" * sign + unit


def permutations_of(kind, number):
    """All elements of a group, each found by what it keeps or does, not by generators."""
    points = range({"D": number // 2, "H": number**2}.get(kind, number))
    if kind == "H":
        column = range(number)
        return [
            [(x + b) % number * number + (y + a * x + c) % number for x in column for y in column]
            for a, b, c in product(column, repeat=3)
        ]
    if kind == "Q":
        return [[QUATERNIONS.index(quaternions(q, r)) for r in QUATERNIONS] for q in QUATERNIONS]
    own = list(permutations(points))
    if kind == "A":
        return [p for p in own if sum(p[i] > p[j] for j in points for i in range(j)) % 2 == 0]
    if kind == "Z":
        return [p for p in own if all((p[i] - p[0] - i) % number == 0 for i in points)]
    if kind == "D":  # neighbours stay neighbours
        steps = (1, len(points) - 1)
        return [p for p in own if all((p[i] - p[i - 1]) % len(points) in steps for i in points)]
    return own


@cache
def group_elements(group):
    """All permutations of the points that each factor allows, sorted."""
    found = [()]
    for factor in group.split("x"):
        own = permutations_of(factor[0], int(factor[1:]))
        found = [(*p, *(len(p) + i for i in q)) for p in found for q in own]
    return sorted(found)


GENERATORS = {
    "S4": ["1023", "1230"],
    "A5": ["12034", "13204", "14230"],  # (0 1 2), (0 1 3), (0 1 4)
    "Z7": ["1234560"],
    "H2": ["0132", "2301"],  # y + x, and x + 1
    "D8": ["1230", "0321"],
}
PAIR_SYMBOLS = digits + "".join(map(chr, [*range(0xC0, 0x100), *range(0x100, 0x180)]))
GROUP_SYMBOLS = digits + ascii_letters + "".join(map(chr, range(0xC0, 0x17F)))


def word_problem(string, group, elements="all", labels="every"):
    if (asked := question(string, labels)) is None:
        return None
    read = group_elements(group) if elements == "all" else GENERATORS.get(group)
    if elements == "swaps":
        read = [p for p in group_elements(group) if sum(i != j for i, j in enumerate(p)) <= 2]
    found = "".join(map(str, group_elements(group)[0]))
    points = []
    for point in found:  # follow every point through the factors, the rightmost first
        at = int(point)
        for symbol in reversed(asked[0]):
            at = int(read[GROUP_SYMBOLS.index(symbol)][at])
        points.append(at)
    return asked[1], "".join(map(str, points)) if asked[1] else None


def cycle_navigation(string, size=5, labels="every"):
    if (asked := question(string, labels)) is None:
        return None
    place = (string.count("+") - string.count("-")) % size
    return asked[1], str(place) if asked[1] else None


def even_pairs(string, labels="every"):
    if (asked := question(string, labels)) is None:
        return None
    changes = sum(a != b for a, b in pairwise(asked[0]))
    return asked[1], ("even", "odd")[changes % 2] if asked[1] else None


def flip_flop(string, ignore=0.8):
    if not re.fullmatch("(w[01]([wri][01])*)?[wri]?", string) or string[0] != "w":
        return None
    memory = ""
    for instruction, bit in re.findall("([wri])([01])", string):
        if instruction == "r" and bit != memory:
            return None
        memory = bit if instruction == "w" else memory
    return bool(re.search("r[01]$", string)), memory if string[-1] == "r" else None


def undo_flip_flop(string, ignore=0.8, undo=0.05):
    """Writes and undos of nothing between them cancel, until no undo is left."""
    if not re.fullmatch("w([01]([wi][01]|[ru])*[wi]?)?", string):
        return None
    text, before = re.sub("i[01]?|r", "", string), None
    while text != before:
        before, text = text, re.sub("w[01]u", "", text)
    if text.startswith("u") or (text + "w")[0] != "w" or "u" in text:
        return None
    first = re.sub("i[01]|r", "", string)
    depth = accumulate((s == "w") - (s == "u") for s in first)
    if min(list(depth)[1:], default=1) < 1:
        return None
    return string[-1] == "r", text[-1] if string[-1] == "r" else None


def axis_turn(point, axis, angle):
    """Rodrigues' formula."""
    size = sum(x * x for x in axis) ** 0.5
    k = [x / size for x in axis]
    along = sum(a * b for a, b in zip(k, point, strict=True))
    across = [k[i - 2] * point[i - 1] - k[i - 1] * point[i - 2] for i in range(3)]
    return [
        p * cos(angle) + c * sin(angle) + a * along * (1 - cos(angle))
        for p, c, a in zip(point, across, k, strict=True)
    ]


@cache
def turns_of_a5():
    """For each element, in order, the turns by a third (t) and a fifth (f) that it is."""
    moves = {"t": [1, 2, 0, 3, 4], "f": [2, 3, 4, 0, 1]}
    words = {(0, 1, 2, 3, 4): ""}
    for p in (waiting := [*words]):
        for name, q in moves.items():
            after = tuple(p[i] for i in q)
            if after not in words:
                words[after] = words[p] + name
                waiting.append(after)
    return [words[p] for p in group_elements("A5")]


@cache
def turned(string):
    """Where (1, 1, 1)/√3 is after the turns of the string."""
    if not string:
        return [3**-0.5] * 3
    axes = {"t": ((1, 1, 1), tau / 3), "f": ((0, 2, 1 + 5**0.5), tau / 5)}
    point = turned(string[:-1])
    for turn in reversed(turns_of_a5()[GROUP_SYMBOLS.index(string[-1])]):
        point = axis_turn(point, *axes[turn])
    return point


def rotation(string, labels="every"):
    if (asked := question(string, labels)) is None:
        return None
    corner = " ".join(f"{x:.3f}".replace("-0.000", "0.000") for x in turned(asked[0]))
    return asked[1], corner if asked[1] else None


def modular_arithmetic(string, modulus=5, operators="+-*", labels="last"):
    if (asked := question(string, labels)) is None:
        return None
    digit, operator = f"[0-{modulus - 1}]", f"[{re.escape(operators)}]"
    if re.fullmatch(f"({digit}{operator})+", asked[0]) and not string.endswith("="):
        return False, None
    if not re.fullmatch(f"({digit}{operator})*{digit}", asked[0]):
        return None
    return asked[1], str(eval(asked[0]) % modulus) if asked[1] else None


def modular_arithmetic_brackets(string, modulus=5, operators="+-"):
    def expression(at):
        """End of the expression that begins at `at`; IndexError if the string ends within it."""
        if string[at] == "-" and not string[at + 1].isdecimal():
            raise ValueError
        if string[at] == "-" or string[at].isdecimal():
            return at + 1 + (string[at] == "-")
        if string[at] != "(":
            raise ValueError
        end = expression(at + 1)
        if string[end] == ")" and re.fullmatch("-?[0-9]", string[at + 1 : end]):
            return end + 1
        if string[end] not in operators:
            raise ValueError
        end = expression(end + 1)
        if string[end] != ")":
            raise ValueError
        return end + 1

    try:
        end = expression(0)
    except IndexError:
        return False, None
    except ValueError:
        return None
    if end == len(string):
        return False, None
    return (True, str(eval(string[:-1]) % modulus)) if string[end:] == "=" else None


def transduction(string, answer):
    inputs, blank, blanks = string.partition("_")
    blanks = blank + blanks
    if set(blanks) - {"_"} or not inputs:
        return None
    due = answer(inputs)
    if len(blanks) > len(due):
        return None
    return len(blanks) == len(due), due[len(blanks) - 1] if blanks else None


def stack_manipulation(string, initial_stack=False):
    inputs = string.rstrip("_")
    if initial_stack and not re.fullmatch("[ab]+|[ab]+[-01]+_*", string):
        return None
    return transduction(inputs.replace("a", "0").replace("b", "1") + string[len(inputs) :], stack)


def stack(string):
    left = ""
    for symbol in string:
        left = left[:-1] if symbol == "-" else left + symbol
    ends = [*reversed(left), "end"]
    return ends + [None] * (len(string) + 1 - len(ends))


def odds_first(string, first="odd"):
    last = first != "odd"  # of places from 0: whether even ones come last
    order = lambda s: sorted(range(len(s)), key=lambda i: ((i % 2) ^ last, i))  # noqa: E731
    return transduction(string, lambda s: [s[i] for i in order(s)])


def mqar(string, pairs=4, keys=16, values=16):
    asked = string[2 * pairs :]
    known, due = string[: 2 * pairs : 2], string[1 : 2 * pairs : 2]
    key, value = f"[{ascii_letters[:keys]}]", f"[^{ascii_letters}]"
    if not re.fullmatch(f"({key}{value})*{key}?", string[: 2 * pairs]):
        return None
    if len(set(known)) < len(known) or set(asked) - set(known):
        return None
    return asked != "", due[known.index(asked[-1])] if asked else None


def mqar_composition(string, triples=4, keys=12, values=16):
    first, second = ascii_letters[:keys], ascii_letters[26:][:keys]
    given, asked = string[: 3 * triples], string[3 * triples :]
    if not re.fullmatch(f"([{first}][{second}][^{ascii_letters}])*([{first}][{second}]?)?", given):
        return None
    both = [given[i : i + 2] for i in range(0, len(given), 3)]
    whole = [keys for keys in both if len(keys) == 2]
    side = [{keys[i : i + 1] for keys in both} - {""} for i in (0, 1)]
    alone = Counter(keys[0] for keys in both)
    if len(set(whole)) < len(whole) or any(len(s) ** 2 > triples for s in side):
        return None
    if any(n**2 > triples for n in alone.values()):
        return None
    if any(symbol not in side[i % 2] for i, symbol in enumerate(asked)):
        return None
    if not asked or len(asked) % 2:
        return False, None
    return True, given[3 * both.index(asked[-2:]) + 2]


def mqar_forgetting(string, pairs=4, updates=2, keys=16, values=16):
    given, asked = string[: 2 * (pairs + updates)], string[2 * (pairs + updates) :]
    names = given[::2]
    if not re.fullmatch(f"([{ascii_letters[:keys]}][^{ascii_letters}])*[a-zA-Z]?", given):
        return None
    old, new = names[:pairs], names[pairs:]
    if not set(names) <= {*ascii_letters[:keys]} or not set(new + asked) <= set(old):
        return None
    if len(set(old)) < len(old) or len(set(new)) < len(new):
        return None
    return asked != "", given[2 * names.rindex(asked[-1]) + 1] if asked else None


def mqar_stacked(string, pairs=4, keys=12, values=12):
    numbers = [PAIR_SYMBOLS.index(symbol) for symbol in string[:pairs] if symbol in PAIR_SYMBOLS]
    known = [ascii_letters[number // values] for number in numbers]
    asked = string[pairs:]
    if len(numbers) < len(string[:pairs]) or len(set(known)) < len(known):
        return None
    if set(asked) - set(known):
        return None
    due = numbers[known.index(asked[-1])] % values if asked else 0
    return asked != "", PAIR_SYMBOLS[due] if asked else None


def in_context_recall(string, keys=8, values=8, noise=0.0, noise_symbols=16):
    key, value, noisy = f"[a-{ascii_letters[keys - 1]}]", "[0-9]", "[\u0100-\u0140]"
    if not re.fullmatch(f"({key}{value}|{noisy}{noisy})*({key}|{noisy})?", string):
        return None
    facts = {pair for pair in re.findall("..", string) if pair[0] in ascii_letters}
    known = dict(facts)
    if len(known) < len(facts):
        return None
    due = known.get(string[-1]) if len(string) % 2 else None
    return due is not None, due


def fuzzy_recall(string, keys=7, values=8, key_size=3, value_size=3):
    text = string.lstrip("_")
    if not re.fullmatch(f"([a-z]{{{key_size}}}[0-9]{{1,{value_size}}})*[a-z]*", text):
        return None
    pairs = re.findall("([a-z]+)([0-9]*)", text)
    if any(
        len(set(part)) < len(part) or len(key) > key_size for key, v in pairs for part in (key, v)
    ):
        return None
    known = {}
    for key, value in pairs[:-1]:
        if known.setdefault(key, value) != value:
            return None
    key, value = pairs[-1] if pairs else ("", "")
    due = known.get(key) if len(key) == key_size else None
    if due is None:
        return False, None
    rest = due.removeprefix(value)
    return (
        None if len(rest) + len(value) > len(due) else (len(rest) == 1, rest[0] if rest else None)
    )


def selective_copying(string, symbols=14, copied=16):
    before, copy, blanks = string.partition("|")
    text = before.replace("_", "")
    if "|" in blanks or blanks.strip("_") or len(blanks) > copied or len(text) > copied:
        return None
    if copy and len(text) < copied:
        return None
    return len(blanks) == copied, text[len(blanks) - 1] if blanks else None


def memorisation(string, facts=127, seed=12345):
    if not re.fullmatch("([^=]=)*[^=]?", string):
        return None
    asked = string.endswith("=")
    return asked, all_facts(facts, seed)[string[-2]] if asked else None


@cache
def all_facts(facts, seed):
    """As in the code of MAD: lists of tuples are shuffled, keys first."""
    rng = np.random.default_rng(seed)
    keys, values = ([(i,) for i in range(size)] for size in (facts, facts + 1))
    rng.shuffle(keys)
    rng.shuffle(values)
    letters = [*ascii_letters[:26], *map(chr, range(0xC0, 0x1A5))]
    return {letters[key]: f"v{value}" for (key,), (value,) in zip(keys, values, strict=False)}


def repl_trace(string, variables=5, reveal=0.25):
    """Python executes the statements."""
    name = f"[{ascii_letters[:variables]}]"
    if not re.fullmatch(f"({name}{name}|p{name}[0-9])*({name}|p{name}?)?", string):
        return None
    values = {v: str(i) for i, v in enumerate(ascii_letters[:variables])}
    due = None
    for statement in re.findall("p.?.?|..?", string):
        due = None
        if statement[0] == "p":
            shown = values[statement[1]] if len(statement) > 1 else ""
            if len(statement) == 3 and statement[2] != shown:
                return None
            due = shown if len(statement) == 2 else None
        elif len(statement) == 2:
            a, b = statement
            if a == b:
                return None
            exec(f"{a}, {b} = {b}, {a}", {}, values)
    return bool(re.search("[0-9]$", string)), due


@cache
def executed(program, variables, lowest, highest, skip_reassignment):
    """Values after a program of whole statements and what its last one shows; None if it fails."""
    if not program:
        return {}, None
    head, mark, statement = program[:-1].rpartition(";")
    before = executed(head + mark, variables, lowest, highest, skip_reassignment)
    name = f"[{'xyzab'[:variables]}]"
    form = f"(?:i({name}[<>][0-9]):)?(({name})(?:(=[0-9])|([+-]))|p({name}))"
    if before is None or not (parsed := re.fullmatch(form, statement)):
        return None
    condition, action, variable, assigns, sign, printed = parsed.groups()
    values = dict(before[0])
    try:
        holds = not condition or eval(condition, {}, values)
        if sign and not lowest <= eval(f"{variable}{sign}1", {}, values) <= highest:
            return None
        shown = str(eval(printed, {}, values)) if printed else None
    except NameError:
        return None
    if not holds or (condition and assigns and skip_reassignment and variable in values):
        return values, None
    if not printed:
        exec(action if assigns else f"{variable}{sign}=1", {}, values)
    return values, shown


def code_execution(string, variables=3, lowest=-8, highest=16, skip_reassignment=False):
    rules = variables, lowest, highest, skip_reassignment
    if string.endswith(";"):
        end = executed(string, *rules)
        printed = re.search("(^|;)p.;$", string) is not None
        return None if end is None else (printed, end[1])
    ends = [";", "=0;", "0;", "+;", "-;", ":x=0;", "0:x=0;", "<0:x=0;", "x=0;"]
    ends += [f"{v}{end}" for v in "xyzab"[:variables] for end in (";", "<0:x=0;")]
    able = any(executed(string + end, *rules) is not None for end in ends)
    return (False, None) if able else None


def listops(string, depth=10, arguments=5, operators="nxf", at_most=False):
    """Innermost lists are replaced by their values until none is left that is closed."""
    value = {
        "n": min,
        "x": max,
        "f": lambda d: d[0],
        "l": lambda d: d[-1],
        "m": lambda d: int(median(map(int, d))),
        "s": lambda d: sum(map(int, d)) % 10,
    }
    closed = re.compile(rf"([{operators}])(\d{{2,{arguments}}})\]")
    text, found = string, True
    while found:
        text, found = closed.subn(lambda m: str(value[m[1]](m[2])), text)
    deepest = max(accumulate((s in operators) - (s == "]") for s in string), default=0)
    if string[:1] not in operators or deepest > depth:
        return None
    enough = at_most or deepest == depth
    if re.fullmatch("[0-9]", text):
        return (True, text) if enough else None
    if not re.fullmatch(rf"([{operators}]\d*)+", text):
        return None
    numbers = [len(digits) for digits in re.split(f"[{operators}]", text)[1:]]
    numbers[:-1] = [number + 1 for number in numbers[:-1]]
    if max(numbers) > arguments or not (enough or min(numbers) < arguments):
        return None
    return False, None


def operation(string, sign, result, more):
    inputs = string.partition("_")[0]
    first, signs, second = inputs.partition(sign)
    if sign in second or (signs and "1" not in first) or (inputs != string and "1" not in second):
        return None
    if inputs == string:
        return False, None

    def answer(whole):
        value = result(*(int(bits[::-1], 2) for bits in whole.split(sign)))
        due = [*reversed(f"{value:b}"), "end"]
        return due + [None] * (len(whole) + more - len(due))

    return transduction(string, answer)


def compute_sqrt(string):
    if string.endswith("_") and "1" not in string:
        return None
    # The root of a number of 2n bits has n bits.
    return transduction(string, lambda s: f"{root(int(s, 2)):b}".zfill(-(-len(s) // 2)))


def missing_duplicate(string):
    word, end, rest = string.partition("=")
    if rest or word.count("_") > 1:
        return None
    fits = [d for d in "01" if re.fullmatch(r"(.+)\1", word.replace("_", d))]
    if end and ("_" not in word or not fits):
        return None
    return bool(end), fits[0] if end else None


def solve_equation(string, modulus=5):
    expression, equals, value = string.partition("=")
    if expression.count("x") > 1 or (equals and "x" not in expression) or len(value) > 1:
        return None
    known = modular_arithmetic_brackets(expression.replace("x", "1") + equals, modulus, "+-")
    if known is None or not (value == "" or value in digits[:modulus]):
        return None
    if equals:
        values = [eval(expression.replace("x", d)) % modulus for d in digits[:modulus]]
        return value != "", str(values.index(int(value))) if value else None
    # Can the unknown still come? Long strings are prefixes of strings of the language here.
    if "x" not in string and len(string) < 5:
        few = range(string.count("(") + 1)
        ends = ["".join(end) for n in few for end in product((")", "+1)"), repeat=n)]
        trials = [")" * n + sign + "1" + end for n in few for sign in ("", "+") for end in ends]
        opinions = [modular_arithmetic_brackets(f"{string}{t}=", modulus, "+-") for t in trials]
        if not any(known and known[0] for known in opinions):
            return None
    return False, None


RECOGNISERS = {
    **FLARE,
    "binary_addition": partial(operation, sign="+", result=lambda x, y: x + y, more=1),
    "binary_multiplication": partial(operation, sign="×", result=lambda x, y: x * y, more=0),
    "compute_sqrt": compute_sqrt,
    "missing_duplicate": missing_duplicate,
    "solve_equation": solve_equation,
    "code_execution": code_execution,
    "listops": listops,
    "word_problem": word_problem,
    "cycle_navigation": cycle_navigation,
    "even_pairs": even_pairs,
    "flip_flop": flip_flop,
    "undo_flip_flop": undo_flip_flop,
    "rotation": rotation,
    "modular_arithmetic": modular_arithmetic,
    "modular_arithmetic_brackets": modular_arithmetic_brackets,
    "reverse_string": partial(transduction, answer=lambda s: "".join(reversed(s))),
    "copy_bits": partial(transduction, answer=lambda s: s),
    "duplicate_string": partial(transduction, answer=lambda s: 2 * s),
    "odds_first": odds_first,
    "bucket_sort": partial(transduction, answer=lambda s: "".join(d * s.count(d) for d in "12345")),
    "stack_manipulation": stack_manipulation,
    "mqar": mqar,
    "repl_trace": repl_trace,
    "in_context_recall": in_context_recall,
    "fuzzy_recall": fuzzy_recall,
    "selective_copying": selective_copying,
    "compression": lambda s, symbols: transduction(s, answer=lambda s: s),
    "memorisation": memorisation,
    "mqar_composition": mqar_composition,
    "mqar_forgetting": mqar_forgetting,
    "mqar_stacked": mqar_stacked,
    "automaton": automaton,
    "dfa": dfa,
    "subregular": subregular,
    "counter_machine": counter_machine,
    "regex": regex,
    "parity": parity,
    "aa_star": aa_star,
    "abab_star": abab_star,
    "dyck_1": dyck_1,
    "reset_dyck_1": reset_dyck_1,
    "shuffle_2": shuffle_2,
    "anbn": anbn,
    "anbncn": anbncn,
    "anbncndn": anbncndn,
    "aaaa_star": aaaa_star,
    "shuffle_4": shuffle_4,
    "shuffle_6": shuffle_6,
    "dyck_2": dyck_2,
    "bounded_dyck": bounded_dyck,
    "boolean_3": boolean_3,
    "boolean_5": boolean_5,
    "tomita_1": tomita_1,
    "tomita_2": tomita_2,
    "tomita_3": tomita_3,
    "tomita_4": tomita_4,
    "tomita_5": tomita_5,
    "tomita_6": tomita_6,
    "tomita_7": tomita_7,
    "d_2": partial(d_n, n=2),
    "d_3": partial(d_n, n=3),
    "d_4": partial(d_n, n=4),
    "d_12": partial(d_n, n=12),
    "aa_bb_cc_dd_ee": aa_bb_cc_dd_ee,
    "ab_d_bc": ab_d_bc,
    "012_0_2": zero_one_two,
}
