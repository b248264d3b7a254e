"""Second opinions on the languages, written without their code: regular expressions and counting.

`RECOGNISERS` maps a language's name to a function of a string over its alphabet that returns None
for what is not a prefix of the language, and otherwise the pair (is it in the language, index of
the class of its last position). To cover a new language, add a function here; without one, the
tests that need a second opinion are skipped for it.
"""

import re


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


def reset_dyck_1(string):
    parts = [open_brackets(part) for part in string.split("1")]
    if None in parts:
        return None
    return len(parts) > 1 and parts[-1] == "", int(parts[-1] != "")


def shuffle_2(string):
    round_ones = open_brackets(re.sub(r"[^()]", "", string))
    square_ones = open_brackets(re.sub(r"[()]", "", string), "[]")
    if round_ones is None or square_ones is None:
        return None
    state = (round_ones != "", square_ones != "")
    index = [(False, False), (False, True), (True, False), (True, True)].index(state)
    return state == (False, False), index


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


RECOGNISERS = {
    "parity": parity,
    "aa_star": aa_star,
    "abab_star": abab_star,
    "dyck_1": dyck_1,
    "reset_dyck_1": reset_dyck_1,
    "shuffle_2": shuffle_2,
    "anbn": anbn,
    "anbncn": anbncn,
}
