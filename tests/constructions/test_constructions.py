"""Models with hand-set weights, on long strings."""

import subprocess
import sys

import numpy as np
import pytest
import torch

import fwp
from fwp import languages
from fwp.cli import main
from fwp.constructions import NoConstructionError, answer, construct, mixers_with_constructions
from fwp.constructions.cascade import series
from fwp.constructions.check import check_construction
from fwp.constructions.machine import DEAD, machine_of
from fwp.constructions.representations import reflected
from fwp.constructions.strings import hard_strings

S3 = ("word_problem", {"group": "S3"})

CASES = [
    ("elman", {}, *S3),
    ("gru", {}, "tomita_3", {}),
    ("lstm", {}, "anbn", {}),
    ("lstm", {}, "reset_dyck_1", {}),
    ("linear_transformer", {}, "anbncn", {}),
    ("elstm", {}, "flip_flop", {}),
    ("linear_transformer", {"feature_map": "relu"}, "dyck_1", {}),
    ("deltanet", {"allow_neg_eigval": True}, "parity", {}),
    ("gated_deltanet", {"allow_neg_eigval": True}, "parity", {}),
    ("deltaproduct", {}, *S3),
    ("deltaproduct", {"gate": True}, "tomita_2", {}),
    ("recurrent_delta", {"feedback_q": False}, *S3),
    ("srwm", {}, "aa_star", {}),
    ("srwm", {"rates": "one", "updated": "yq"}, "flip_flop", {}),
]


@pytest.mark.parametrize(("mixer", "options", "name", "params"), CASES)
def test_every_string_of_ten_thousand_symbols_is_right(mixer, options, name, params):
    language = languages.get(name, **params)
    made = construct(mixer, language, options)
    for dtype in ("float32", "float64"):
        found = check_construction(made, language, dtype=dtype, length=10_000, count=1)
        assert (found.right, found.wrong) == (1, "")
        assert found.longest == 10_000
    assert {k: v for k, v in made.options.items() if k in options} == options


@pytest.mark.parametrize(
    ("mixer", "options", "name", "params"),
    [
        ("deltanet", {}, "tomita_4", {}),
        ("deltaproduct", {}, "flip_flop", {}),
        ("deltaproduct", {"householders": 1}, "word_problem", {"group": "S4", "elements": "swaps"}),
        ("linear_transformer", {}, "boolean_3", {}),
        ("lstm", {}, "shuffle_2", {}),
        ("elstm", {}, "d_4", {}),
        ("srwm", {}, "tomita_6", {}),
    ],
)
def test_larger_ones_are_right_too(mixer, options, name, params):
    language = languages.get(name, **params)
    made = construct(mixer, language, options)
    found = check_construction(made, language, length=400, count=3)
    assert (found.right, found.wrong) == (1, "")


def test_every_mixer_with_a_construction_is_tested():
    assert {case[0] for case in CASES} == {*mixers_with_constructions()}


@pytest.mark.parametrize(
    ("mixer", "options", "name", "reason"),
    [
        ("deltanet", {}, "parity", "allow_neg_eigval: true"),
        ("deltanet", {"conv_size": 4}, "tomita_4", "conv_size: 0, got 4"),
        ("elstm", {}, "tomita_6", "bits in series"),
        ("gru", {}, "dyck_1", "more than 2000 states"),
        ("linear_transformer", {}, "reset_dyck_1", "cleared"),
        ("linear_transformer", {"normaliser": "sum"}, "dyck_1", "normaliser: none"),
        ("lstm", {}, "dyck_2", "language of few counters"),
        ("recurrent_delta", {"rule": "sum"}, "parity", "rule: delta"),
        ("srwm", {"updated": "yk"}, "parity", "y and q"),
        ("gla", {}, "parity", "gla has no construction"),
    ],
)
def test_it_says_why_there_is_no_construction(mixer, options, name, reason):
    with pytest.raises(NoConstructionError, match=reason):
        construct(mixer, languages.get(name), options)


def test_too_few_reflections_are_refused():
    s5 = languages.get("word_problem", group="S5", elements="generators")
    with pytest.raises(NoConstructionError, match="householders: 4 or more, got 2"):
        construct("deltaproduct", s5)
    assert construct("deltaproduct", s5, {"householders": 4}).layers == 1


def test_a_wrong_weight_is_noticed():
    language = languages.get("parity")
    made = construct("elman", language)
    made.weights["blocks.0.mixer.w_h"][0] *= -1
    found = check_construction(made, language, length=50, count=2)
    assert found.right < 1
    assert found.positions < 1
    assert 0 < len(found.wrong) <= 50


def test_hard_strings_rise_as_far_as_they_fall():
    strings = hard_strings(languages.get("dyck_1"), 100, 6)
    assert "(" * 50 + ")" * 50 in strings
    assert all(len(string) == 100 for string in strings)
    assert len({*strings}) > 3


@pytest.mark.parametrize("name", ["parity", "tomita_3", "tomita_4", "d_4", "flip_flop"])
def test_bits_in_series_move_as_the_states_do(name):
    machine = machine_of(languages.get(name))
    bits, codes = series(machine)
    code_of = {state: code for code, state in codes.items()}
    assert len(codes) == len(machine.rows)
    move = {"keep": lambda b: b, "clear": lambda _: False, "set": lambda _: True}
    move["flip"] = lambda b: not b
    for c, column in enumerate(machine.columns):
        for state, to in enumerate(column):
            if to != DEAD:
                old = code_of[state]
                new = [move[bit.moves[c, old[:i]]](old[i]) for i, bit in enumerate(bits)]
                assert tuple(new) == code_of[to]


@pytest.mark.parametrize("size", [1, 3, 4])
def test_an_orthogonal_matrix_is_a_product_of_reflections(size):
    rng = np.random.default_rng(size)
    matrix = np.linalg.qr(rng.normal(size=(size, size)))[0]
    product = np.eye(size)
    for vector in (vectors := reflected(matrix)):
        product = (np.eye(size) - 2 * np.outer(vector, vector)) @ product
    assert len(vectors) <= size
    np.testing.assert_allclose(product, matrix, atol=1e-9)


def test_a_notebook_gets_the_model():
    model = fwp.build_construction("lstm", "anbn", dtype="float64")
    language = languages.get("anbn")
    logits, _ = model(torch.tensor([language.encode("aaabbb").tolist()]))
    assert logits.argmax(-1)[0].tolist() == language.label("aaabbb")
    assert logits.dtype == torch.float64


def test_the_command_tries_a_construction(capsys):
    assert main(["construct", "srwm", "parity", "--length", "60", "--strings", "2"]) == 0
    shown = capsys.readouterr().out
    assert "constructed" in shown
    assert "float64: 100.0% of 3 strings of up to 60 symbols are right" in shown


def test_the_command_says_which_name_is_no_mixer(capsys):
    assert main(["construct", "srmw", "parity"]) == 1
    told = capsys.readouterr().err
    assert "'srmw' is no mixer: it must be one of" in told and "did you mean 'srwm'?" in told


def test_the_command_says_what_theorems_say(capsys):
    options = ["--param", "group=S5", "--param", "elements=generators"]
    assert main(["construct", "gla", "word_problem", *options]) == 0
    shown = capsys.readouterr().out
    assert "impossible" in shown
    assert "Grazzi et al. 2025" in shown


def test_answers_need_no_pytorch():
    code = (
        "import sys; from fwp import languages; from fwp.constructions import answer\n"
        "assert answer('srwm', languages.get('parity')).verdict == 'constructed'\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_mixer_of_ones_own_is_open():
    assert answer("nowhere:Mine", languages.get("parity")).verdict == "open"
    with pytest.raises(ValueError, match="no option 'wide'"):
        answer("lstm", languages.get("parity"), {"wide": 1})
