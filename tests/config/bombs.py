"""Configs made to hang, to eat memory or to end in a traceback, and what must be said of each.

Run as a program, it answers them one after another, under a limit on time and memory.
"""

import json
import resource
import signal
import sys
import tempfile
import time
from pathlib import Path

SECONDS, BYTES = 5, 2 * 10**9
MODELS = "models: { lstm: { mixer: lstm } }\n"
PARITY = "tasks: { t: { language: parity } }\n"


def task(language: str, params: object, more: str = "") -> str:
    """A config of one task."""
    given = json.dumps({"language": language, "params": params})
    return MODELS + f"tasks: {{ t: {given} }}\n" + more


def machine(rows: list, start: str = "s", accept: str = "s") -> dict:
    """Parameters of a counter machine."""
    return {"transitions": rows, "start": start, "accept": [accept]}


def bins(*windows: list) -> str:
    """Test windows."""
    return f"evaluation: {{ bins: {json.dumps(windows)} }}\n"


def aliases(first: str, each: str) -> str:
    """Lines of names, each of which stands for several of the one before."""
    lines = [f"a0: &m0 {first}"] + [
        f"a{i}: &m{i} {each.replace('@', f'*m{i - 1}')}" for i in range(1, 30)
    ]
    return "\n".join(lines) + "\n"


SIX = [["s", "abcdefghijkl"[2 * i + up], "*" * 6, "s", "0" * i + "-+"[up] + "0" * (5 - i)]
       for i in range(6) for up in (0, 1)]  # fmt: skip
NESTED = "(((((){2000}){2000}){2000}){2000}){2000}a"
LONG = "a" * 300

# By name: the config, and a part of the message; "" where it may be accepted.
BOMBS = {
    "nothing is accepted": (
        task("counter_machine", machine([["s", "a", "*", "q", "+"]], accept="q")),
        "tasks.t.params.accept: must name a state that can be reached with all counters zero",
    ),
    "empty groups": (task("regex", {"pattern": NESTED}), "at most 100000 parts"),
    "optional empty groups": (
        task("regex", {"pattern": NESTED.replace("()", "()?")}),
        "at most 100000 parts",
    ),
    "chain over many symbols": (
        task("regex", {"pattern": ".{1900}", "alphabet": "".join(map(chr, range(200, 456)))}),
        "strings of an automaton with 486400 transitions must have at most 61 symbols",
    ),
    "many bounds": (task("regex", {"pattern": "a{1}" * 500_000}), "at most 20000 characters"),
    "a test of thirty": (
        task("counter_machine", machine([["s", "a", "*" * 30, "s", "0" * 30]])),
        "transitions[0]: there may be at most 8 counters",
    ),
    "thirty counters": (
        task("counter_machine", machine([["s", "a", "0" * 30, "s", "+" * 30]])),
        "transitions[0]: there may be at most 8 counters",
    ),
    "eight counters": (
        task("counter_machine", machine([
            [f"s{i}", "a", "*" * 8, f"s{i + 1}", "0" * 8] for i in range(100)
        ], "s0", "s0")),
        "must stand for at most 10000 cases",
    ),
    "six counters": (
        task("counter_machine", machine(SIX)),
        "the counter_machine has too many values of its counters",
    ),
    "many states and long strings": (
        task("regex", {"pattern": "(a|b)*a(a|b){8}"}, bins([100_000, 100_000])),
        "strings of an automaton with 1024 transitions must have at most",
    ),
    "many states and long windows": (
        task("regex", {"pattern": "(a|b)*a(a|b){8}"}, bins([10_000, 10_000])),
        "",
    ),
    "large automaton": (
        task("dfa", {
            "transitions": {f"s{i}": {"0": f"s{(i + 1) % 5000}", "1": "s0"} for i in range(5000)},
            "start": "s0", "accept": ["s0"],
        }, bins([1, 2000])),
        "",
    ),
    **{
        f"long strings of {name}": (task(name, {}, bins([2, 50], [51, 100_000])), "")
        for name in ("shuffle_6", "reset_dyck_1", "boolean_5", "modular_arithmetic_brackets",
                     "odds_first", "tomita_3", "bounded_dyck")
    },
    "more symbols than fit": (
        MODELS + PARITY + "data: { train: { count: 9000000, min_length: 900, max_length: 990 } }\n",
        "all strings together must have at most 2,000,000,000 symbols",
    ),
    "endless derivations": (
        task("dyck_1", {"p": 0.0001, "q": 0.5}),
        "must use SS at most 100 times",
    ),
    **{
        f"parameter {value!r}": (task("dyck_2", {"p": value}), "tasks.t.params.p: must be a number")
        for value in ("x", None, [], {}, True)
    },
    "group of many factors": (
        task("word_problem", {"group": "x".join(["Z9"] * 7000)}),
        "group: must have at most 10000 elements",
    ),
    "names in names": (MODELS + aliases("{a: 1}", "{a: @, b: @, c: @}"), "250,000 keys and values"),
    "lists in lists": (aliases("[1]", "[@, @, @]"), "250,000 keys and values"),
    "merged names": (aliases("{a: 1}", "{<<: [@, @, @]}"), "250,000 keys and values"),
    "a name within itself": ("results: &a [*a]\n" + MODELS + PARITY, "recursive"),
    "aliases just below the limit": (
        "results: " + "[" * 50 + "]" * 50 + "\n" + MODELS + PARITY,
        "results: must be text",
    ),
    "large file": ("a: " + "x" * 6_000_000, "at most 5,000,000 characters"),
    "large broken file": (MODELS + "a: [" + "1, " * 100_000 + "\n", "line"),
    "name of a model that ends the line": (
        'models: { "lstm\\n": { mixer: lstm } }\n' + PARITY,
        "models: a name holds at most 64 letters",
    ),
    "results that end the line": ('results: "results\\n"\n' + MODELS + PARITY, "results: must be"),
    "long name of claims": (f"claims: [{LONG}]\n" + MODELS + PARITY, "claims[0]: must be one of"),
    "long name of a base": (f"extends: {LONG}\n" + MODELS + PARITY, "extends: there is no file"),
    "long name of a mixer": (
        f'models: {{ m: {{ mixer: "fwp.{LONG}:X" }} }}\n' + PARITY,
        "models.m.mixer",
    ),
    "long results": (f"results: {LONG}\n" + MODELS + PARITY, "names of at most 200 bytes"),
    **{
        f"results {folder}": (f"results: {json.dumps(folder)}\n" + MODELS + PARITY, "results: must")
        for folder in ("~/x", "~t", "-n", "--help", "/", ".", "..", "../..", "fwp", "docs/x",
                       ".git", "workflow", "tests", "s3://a/b", " a", "config.yaml",
                       "/etc/passwd", "a\nb")
    },
    "three thousand bins": (
        task("dyck_1", {}, bins(*([i, i] for i in range(1, 3000)))),
        "evaluation.bins: must have at most 1000 entries",
    ),
    "thousand bins without strings": (
        task("dyck_1", {}, bins(*([2 * i + 1, 2 * i + 1] for i in range(1000)))),
        "997 more windows hold no string, the last is [1999, 1999]",
    ),
    "thousand reversed bins": (
        MODELS + PARITY + bins(*([i + 1, i] for i in range(1, 1000))),
        "more",
    ),
    "many seeds": (
        MODELS + PARITY + f"seeds: {json.dumps(list(range(100_001)))}\n",
        "seeds: must have at most 10000 entries",
    ),
    "many jobs": (
        "seeds: 100000\nmodels: { a: { mixer: lstm }, b: { mixer: gru }, c: { mixer: elman },"
        " d: { mixer: lstm } }\n" + PARITY,
        "must be at most 100000 jobs",
    ),
    "names with blanks": (
        "models: {" + ", ".join(f'"lr {i}": {{ mixer: lstm }}' for i in range(9)) + "}\n" + PARITY,
        'got "lr 0", "lr 1"',
    ),
}  # fmt: skip


class Late(BaseException):
    """The time is up."""


def answer(text: str, folder: Path) -> dict:
    """What a config in a file is answered with: message, seconds."""
    from fwp.config.messages import ConfigError
    from fwp.experiment.experiment import load_experiment

    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    began = time.process_time()
    signal.setitimer(signal.ITIMER_PROF, SECONDS)  # of the processor: others may use it too
    try:
        next(load_experiment(path).jobs())
        said = ""
    except ConfigError as error:
        said = str(error)
    except Late:
        said = "TIMEOUT"
    except BaseException as error:  # a traceback is what is looked for
        said = f"TRACEBACK {type(error).__name__}: {error}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return {"said": said, "seconds": time.process_time() - began}


def late(*_) -> None:
    """At SIGPROF."""
    raise Late


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
    signal.signal(signal.SIGPROF, late)
    with tempfile.TemporaryDirectory() as at:
        found = {name: answer(text, Path(at)) for name, (text, _) in BOMBS.items()}
    json.dump(found, sys.stdout)
