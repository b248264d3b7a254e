"""Made-up but lifelike records of cells of texts and translations."""

import json
import math
from pathlib import Path

import numpy as np
from synthetic import seal, write_csv

from fwp.results.integrity import write_sealed

MODELS = ("transformer", "lstm", "linear_transformer", "deltanet", "gated_deltanet", "srwm")
SKILL = dict(zip(MODELS, (1.32, 1.42, 1.45, 1.36, 1.31, 1.38), strict=True))  # nats at the end
STATE = {"lstm": 1024, "linear_transformer": 8448, "deltanet": 8192, "gated_deltanet": 8960}
SPEED = {"transformer": 1.0, "lstm": 0.8, "srwm": 3.0}  # seconds of an epoch
MEASURED = "task,model,seed,status,first,last,tokens,bytes,nats,accuracy,ideal"
SCORED = "task,model,seed,status,decoding,bin,sentences,tokens,nats,bleu,chrf"
BINS = ("1-5", "6-10", "11-20", "21-40")


def ranges(context, reach):
    """1, 2, 3-4, … to the context, then doubling."""
    lasts = [1]
    while lasts[-1] < context * reach:
        at = 2 * lasts[-1]
        lasts.append(min(at, context if lasts[-1] < context else context * reach))
    return [(a + 1, b) for a, b in zip([0, *lasts], lasts, strict=False)]


def write_text_cell(
    folder, task, model, seeds, *, context=256, reach=16, ideal=None, diverged=(), lost=(),
    bytes_per_token=1, epochs=10,
):  # fmt: skip
    """Write the record of a cell of a text; returns its folder. `lost` seeds have no loss."""
    rows, history, runs = [], [], []
    for seed in seeds:
        rng = np.random.default_rng([sum(map(ord, task + model)), seed])
        end = SKILL.get(model, 1.4) + rng.normal(0, 0.01)
        status = "diverged" if seed in diverged else "budget"
        for first, last in ranges(context, reach):
            middle = (first * last) ** 0.5
            nats = end + 1.9 * middle**-0.55
            if last > context and model in ("transformer", "linear_transformer"):
                nats += (0.02 if model == "transformer" else 0.9) * math.log2(last / context)
            tokens = 64 * (last - first + 1)
            source = "" if ideal is None else round(ideal + 0.4 * middle**-0.9, 5)
            row = (first, last, tokens, int(tokens * bytes_per_token))
            told = ("", "") if seed in lost else (round(nats, 5), round(math.exp(-nats), 5))
            rows.append((task, model, seed, status, *row, *told, source))
        for epoch in range(1, epochs + 1):
            loss = end + 0.2 + 2 * math.exp(-epoch / 2) + rng.normal(0, 0.01)
            seconds = round(epoch * 60 * SPEED.get(model, 1.5) + rng.normal(0, 0.5), 3)
            facts = (epoch, epoch * 10_000, seconds, round(loss - 0.02, 5))
            history.append((task, model, seed, *facts, *[round(math.exp(-loss), 6)] * 2))
        runs.append(_run(seed, status, epochs, history[-1]))
    task_config = {"name": task, "language": "text", "params": {"context": context, "reach": reach}}
    return _write(folder, task, model, seeds, MEASURED, rows, history, runs, task_config)


def write_translation_cell(folder, task, model, seeds, *, decodings=("greedy", "beam 4")):
    """Write the record of a cell of a translation; returns its folder."""
    rows, history, runs = [], [], []
    for seed in seeds:
        rng = np.random.default_rng([sum(map(ord, task + model)), seed])
        end = SKILL.get(model, 1.4) + rng.normal(0, 0.01)
        for decoding in decodings:
            best = 90 - 45 * end + rng.normal(0, 0.4) + (1 if decoding != "greedy" else 0)
            for i, bin in enumerate((*BINS, "all")):
                bleu = best - 4 * i if bin != "all" else best - 6
                count = 500 if bin != "all" else 2000
                told = (round(end + 0.1 * (i % 4), 4), round(bleu, 2), round(bleu + 24, 2))
                rows.append((task, model, seed, "budget", decoding, bin, count, count * 20, *told))
        for epoch in range(1, 6):
            loss = end + 2 * math.exp(-epoch / 2)
            facts = (epoch, epoch * 8000, epoch * 40.0 * SPEED.get(model, 1.5), loss)
            history.append((task, model, seed, *facts, *[math.exp(-loss)] * 2))
        runs.append(_run(seed, "budget", 5, history[-1]))
    config = {"name": task, "language": "translation", "params": {"beam": 4}}
    return _write(folder, task, model, seeds, SCORED, rows, history, runs, config)


SAMPLES = [
    {"source": "And God said, Let there be light", "reference": "God said, “Let there be light,”",
     "greedy": "God said, let there light", "beam 4": "God said, “Let there be a light”"},
    {"source": "<b>thou</b>", "reference": "you", "greedy": "you", "beam 4": "you"},
]  # fmt: skip
SIGNATURES = {
    "bleu": "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0",
    "chrf": "nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:2.6.0",
}


def text_card(folder, task, *, context=256, generator=None, bytes_per_token=1):
    """Write data/<task>/card.json of a text; returns its path."""
    sizes = {"train": 5_000_000, "validation": 270_000, "test": 280_000}
    splits = {
        name: {
            "tokens": int(size / bytes_per_token), "bytes": size,
            "words": 0 if generator else size // 5,
        }
        for name, size in sizes.items()
    }  # fmt: skip
    params = {"context": context, "tokens": "bytes", "generator": generator}
    unit = {"tokens": "symbols" if generator else "bytes", "size": 256}
    card = {"task": task, "kind": "text", "params": params, "vocabulary": unit, "splits": splits}
    source = {"generator": generator} if generator else {"licence": "public domain"}
    notes = ["The test text has 1 % of its windows in common with the training text."]
    return _card(folder, task, card | {"source": source, "notes": notes})


def translation_card(folder, task):
    """Write the card of a translation; returns its path."""
    splits = {name: {"pairs": n} for name, n in (("train", 28000), ("validation", 1500))}
    params = {"tokens": "bpe", "beam": 4}
    card = {"task": task, "language": "translation", "params": params, "vocabulary": 8000}
    return _card(folder, task, card | {"splits": splits | {"test": {"pairs": 1500}}})


def write_texts(
    folder, tasks=("shakespeare", "source"), models=MODELS, seeds=(0, 1, 2), **settings
):
    """Write a grid of texts: "source" is of known entropy; returns folders and cards."""
    cells, cards = [], []
    for task in tasks:
        known = {"ideal": 1.2} if task == "source" else {}
        own = settings | known
        cells += [write_text_cell(folder / "cells", task, m, list(seeds), **own) for m in models]
        source = {"kind": "automaton"} if known else None
        cards.append(text_card(folder, task, context=own.get("context", 256), generator=source))
    return cells, cards


def _run(seed, status, epochs, last):
    facts = {"seed": seed, "status": status, "epochs": epochs, "best_epoch": epochs}
    return facts | {"selection": last[-1], "seconds": last[5]}


def _write(folder, task, model, seeds, measured, rows, history, runs, task_config):
    name = f"seed-{seeds[0]}" if len(seeds) == 1 else f"seeds-{seeds[0]}-{seeds[-1]}"
    cell = Path(folder) / task / model / name
    cell.mkdir(parents=True)
    settings = {"name": model, "mixer": model, "hidden": 128, "layers": 4, "options": {}}
    training = {"epochs": len(history) // len(seeds), "batch_size": 64, "learning_rate": 0.001}
    record = {
        "task": task, "model": model, "seeds": seeds, "dataset": "0" * 64, "runs": runs,
        "config": {"model": settings, "training": training, "task": task_config},
        "parameters": 800_000 + 1000 * len(model), "device": "cpu",
        "machine": {"cpu": "AMD EPYC", "instructions": "AVX2", "threads": 1},
        "seconds": sum(run["seconds"] for run in runs),
    }  # fmt: skip
    columns = ["task", "model", "seed", "epoch", "strings", "seconds", "loss"]
    bin = f"probability 1-{task_config['params'].get('context', 100)}"
    write_csv(cell / "history.csv", [*columns, bin, "selection"], history)
    write_csv(cell / "accuracy.csv", measured.split(","), rows)
    (cell / "model.safetensors").write_bytes(b"weights of " + f"{task} {model}".encode())
    (cell / "cell.json").write_text(json.dumps(record))
    seal(cell)
    told = {"task": task, "state": None if model == "transformer" else STATE.get(model, 9000)}
    if measured is SCORED:
        told |= {"signatures": SIGNATURES, "samples": SAMPLES}
    write_sealed(cell / "evaluation.json", told, [cell / "cell.json", cell / "accuracy.csv"])
    return cell


def _card(folder, task, card):
    path = Path(folder) / "data" / task / "card.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_sealed(path, card)
    return path
