"""The parameters that languages are tested with."""

from fwp import languages

PARITY = """digraph parity {
  node [shape=circle]; arrow [shape=point];
  even [shape=doublecircle];
  arrow -> even;
  even -> even [label="0"]; odd -> odd [label="0"];
  even -> odd -> even [label="1"];
}"""
GUESS = "0 0 a\n0 0 b\n0 1 b\n1 2 a\n1 2 b\n2\n"  # the last symbol but one is b

# A language that is not named here is tested as it is without parameters.
PARAMS = {
    "regex": [
        {"pattern": "(a|b)*abb", "labels": "next"},
        {"pattern": "([01]{3})*|0*1", "alphabet": "012"},
    ],
    "dfa": [
        {
            "transitions": {
                "r0": {"0": "r0", "1": "r1"},
                "r1": {"0": "r2", "1": "r0"},
                "r2": {"0": "r1", "1": "r2"},
            },
            "start": "r0",
            "accept": ["r0"],
            "labels": kind,
        }
        for kind in ("member", "state")
    ]
    + [
        {
            "transitions": {
                "even": {"x": "odd", "y": "sink"},
                "odd": {"x": "even"},
                "sink": {"x": "sink"},
                "island": {"x": "even"},
            },
            "start": "even",
            "accept": ["odd"],
            "alphabet": "xyz",
            "labels": "next",
        },
    ],
    "automaton": [
        {"file": "parity.dot", "text": PARITY},
        {"file": "guess.att", "text": GUESS, "labels": "next"},
        {
            "file": "guess.txt",
            "text": GUESS.replace("b", "2"),
            "symbols": "names.txt",
            "table": "<eps> 0\na 1\nb 2\n",
        },
    ],
    "counter_machine": [
        {
            "transitions": [
                ["up", "a", "*", "up", "+"],
                ["up", "b", "+", "down", "-"],
                ["down", "b", "+", "down", "-"],
            ],
            "start": "up",
            "accept": ["down"],
            "labels": "next",
        },
        {
            "transitions": [
                ["s", "(", "**", "s", "+0"],
                ["s", ")", "+*", "s", "-0"],
                ["s", "[", "**", "s", "0+"],
                ["s", "]", "*+", "s", "0-"],
            ],
            "start": "s",
            "accept": ["s"],
        },
        {
            "transitions": [
                ["more", "a", "*", "more", "+"],
                ["more", "b", "+", "more", "-"],
                ["more", "b", "0", "less", "+"],
                ["less", "b", "*", "less", "+"],
                ["less", "a", "+", "less", "-"],
                ["less", "a", "0", "more", "+"],
            ],
            "start": "more",
            "accept": ["more", "less"],
            "labels": "state",
        },
    ],
    "code_execution": [  # short programs do not reach the ends of the default range
        {"lowest": 0, "highest": 9},
        {"variables": 2, "lowest": -1, "highest": 10, "skip_reassignment": True},
    ],
    "listops": [{}, {"depth": 5, "arguments": 4, "operators": "lms", "at_most": True}],
    "word_problem": [
        {"group": "S3"},
        {"group": "S4", "elements": "generators"},
        {"group": "A4", "labels": "last"},
        {"group": "S5"},
        {"group": "A5", "elements": "generators", "labels": "last"},
        {"group": "Z7", "elements": "generators"},
        {"group": "Z2xS3"},
        {"group": "D8xZ2"},
        {"group": "H3", "labels": "last"},
        {"group": "H2", "elements": "generators"},
        {"group": "Q8"},
        {"group": "S4", "elements": "swaps"},
    ],
    "cycle_navigation": [{}, {"size": 2, "labels": "last"}],
    "even_pairs": [{}, {"labels": "last"}],
    "flip_flop": [{}, {"ignore": 0.0}],
    "undo_flip_flop": [{}, {"ignore": 0.0, "undo": 0.4}],
    "repl_trace": [{}, {"variables": 2, "reveal": 1}],
    "rotation": [{"labels": "last"}],
    "modular_arithmetic": [{}, {"modulus": 2, "operators": "-*", "labels": "every"}],
    "modular_arithmetic_brackets": [{}, {"modulus": 2, "operators": "*"}],
    "solve_equation": [{}, {"modulus": 2}],
    "mqar": [{}, {"pairs": 2, "keys": 3, "values": 2}],
    "in_context_recall": [
        {"keys": 3, "values": 2},
        {"keys": 2, "values": 3, "noise": 0.4, "noise_symbols": 2},
    ],
    "fuzzy_recall": [
        {"keys": 3, "values": 3, "key_size": 2, "value_size": 2},
        {"keys": 2, "values": 2, "key_size": 1, "value_size": 2},
    ],
    "selective_copying": [{"copied": 5}, {"symbols": 2, "copied": 2}],
    "compression": [{"symbols": 3}],
    "memorisation": [{}, {"facts": 3, "seed": 1}],
    "mqar_composition": [{}, {"triples": 1, "keys": 5, "values": 5}],
    "mqar_forgetting": [{}, {"pairs": 2, "updates": 1, "keys": 2, "values": 2}],
    "mqar_stacked": [{}, {"pairs": 2, "keys": 2, "values": 2}],
    "shuffle_2": [{}, {"nested": True}],
    "reset_dyck_1": [{}, {"one_reset": True}],
    "stack_manipulation": [{}, {"initial_stack": True}],
    "odds_first": [{}, {"first": "even"}],
    "subregular": [
        {"kind": "SL", "alphabet": 3},
        {"kind": "SP", "alphabet": 3},
        {"kind": "TLTT", "t": 3, "alphabet": 3},
        {"kind": "coSP"},
        {"kind": "PLT", "alphabet": 3},
        {"kind": "SF", "labels": "next"},
        {"kind": "Reg", "seed": 2},
    ],
    "bounded_dyck": [{}, {"kinds": 1, "depth": 3}, {"kinds": 3, "depth": 1}],
}
VARIANTS = [(name, params) for name in languages.names() for params in PARAMS.get(name, [{}])]


def label(variant):
    """A variant's name in the list of tests."""
    name, params = variant
    return "-".join(
        [name, *(str(value) for value in params.values() if not isinstance(value, dict | list))]
    )
