"""Loss, speed and time left of texts, in the log and on the board."""

import io
import json
from dataclasses import replace

import pytest
import synthetic_text as made
import tiny
from test_status import Experiment, report, row, show

from fwp.datasets.spec import TaskSettings
from fwp.status.pace import duration, pace, rounded, unit
from fwp.status.progress import Progress

PARAMS = {"tokens": "bytes", "context": 64, "generator": None}
TEXT = TaskSettings("play", "text", PARAMS)
PAIRS = TaskSettings("bible", "translation", {"tokens": "bpe"})
FACTS = {"selection": 0.25, "strings": 500, "seconds": 20.0, "passed": 2.5}


def test_speed_and_time_left_follow_from_strings_and_seconds():
    told = pace(TEXT, FACTS, epochs=10)
    assert told["bits"] == 2 and told["rate"] == 500 * 64 / 20 and told["left"] == 60
    assert pace(PAIRS, FACTS, epochs=10)["rate"] == 25
    nothing = pace(TEXT, {"selection": 0.0}, epochs=10)
    assert [nothing[key] for key in ("bits", "rate", "left")] == [None, None, None]


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        (TEXT, "byte"),
        (TaskSettings("play", "text", PARAMS | {"tokens": "bpe"}), "token"),
        (TaskSettings("play", "text", PARAMS | {"generator": {"kind": "x"}}), "symbol"),
        (PAIRS, "token"),
    ],
)
def test_a_loss_is_per_byte_symbol_or_token(task, expected):
    assert unit(task) == expected


def test_numbers_are_short():
    assert [rounded(x) for x in (41_237.0, 3.2, 0.4)] == ["41,200", "3", "0"]
    assert [duration(x) for x in (95, 730, 3 * 3600, 3 * 86400)] == ["95 s", "12 min", "3 h", "3 d"]


def test_the_log_and_the_file_say_so(tmp_path):
    path, log = tmp_path / "progress.json", io.StringIO()
    cell = replace(tiny.cell(), task=TEXT)
    with Progress(cell, [0, 1], 10, path=path, stream=log) as progress:
        progress.start([0, 1], 10)
        for seed in (0, 1):
            facts = FACTS | {"loss": 1.5, "accuracy": {"1-64": 0.25}, "epoch": 2}
            progress.update(seed, **facts)
        progress.write(force=True)
        told = json.loads(path.read_text())["seeds"]["1"]
        progress.finish(0, "budget")
        progress.finish(1, "budget")
    # The speed in the log is that of both seeds.
    assert "loss 1.5000  2.000 bits per byte  3,200 tokens/s  60 s left" in log.getvalue()
    assert told["said"] == ["2.000 bits per byte", "1,600 tokens/s", "60 s left"]
    assert told["accuracy"] == {}


def test_the_board_shows_bits_and_bleu(tmp_path):
    experiment = Experiment(tmp_path, models=["lstm"], tasks=["play", "bible"])
    experiment.is_current = lambda *_: True
    cells = tmp_path / "cells"
    settings = {"context": 4, "reach": 2, "epochs": 1, "ideal": None}
    made.write_text_cell(cells, "play", "lstm", [0, 1, 2], **settings)
    made.write_translation_cell(cells, "bible", "lstm", [0, 1, 2])
    text = show(experiment)
    _, marks, bits, _, scores = row(text, "LSTM").split()
    within, beyond = map(float, bits.split("/"))
    assert marks == "•••" and within > beyond > 1
    greedy, beam = map(float, scores.split("/"))
    assert 15 < greedy < beam < 25
    assert "6 of 6 runs done" in text and "bits per byte" in text and "BLEU" in text
    assert "mean accuracy" not in text


def test_the_board_says_how_fast_a_text_is_read(tmp_path):
    experiment = Experiment(tmp_path, models=["lstm"], tasks=["play"])
    said = ["2.041 bits per byte", "41,200 tokens/s", "12 min left"]
    now = {"status": "running", "epoch": 3, "epochs": 10, "accuracy": {}, "bits": 2.041}
    report(experiment, "play", seeds={"0": now | {"said": said}})
    text = show(experiment)
    assert f"seed 0: epoch 3 of 10, {', '.join(said)}" in text
    assert row(text, "LSTM").split() == ["LSTM", "▸··", "2.04"]
