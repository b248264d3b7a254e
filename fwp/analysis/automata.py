"""Reading an automaton out of a trained model.

The model reads many strings; every position gives a state vector and the class that the model says
there. Positions are grouped by class first. A group of which some positions go on differently
with the same symbol than others is split in two, each position going to the nearer of the two mean
state vectors, until nearly all of every group go the same way (after Giles et al. 1992 and
Weiss, Goldberg, Yahav 2018, with classes as the first partition). What results is a machine that is
minimised and compared with the language's own (`fwp.languages._machine`).

A model that recognises whole strings is asked for a class at the last symbol alone. But every
prefix is a string, too, and what the model says there is its answer for it. So the same is read out
of it, and compared with the complete automaton that accepts the language.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from fwp import languages
from fwp.datasets.dataset import Split, load_dataset
from fwp.datasets.recognition.task import CLASSES, RECOGNITION, language_of
from fwp.datasets.spec import DatasetSpec, TaskSettings
from fwp.experiment.cell import TrainedCell
from fwp.languages._machine import Machine, difference, minimal, of_language, of_recogniser, unread
from fwp.languages._machine import run as run_machine
from fwp.models.contract import require_state
from fwp.models.sequence_model import SequenceModel
from fwp.models.weights import load_trained_model
from fwp.training.batches import pad
from fwp.utils import devices
from fwp.utils.denormals import flushing_denormals
from fwp.utils.files import write_json

PURE = 0.98  # share of a group that must go the same way
RARE = 3  # transitions seen less often say nothing
GROUPS = 64  # at most
POSITIONS = 6_000  # vectors to group, at most


@dataclass
class Reading:
    """What was read out of a model.

    Attributes:
        machine: minimal; None if no partition was found that goes on the same way throughout.
        groups: of positions, before minimising.
        purity: share of transitions that go the way of their group; 0 if some groups stayed mixed.
        separation: share of positions whose state is nearer to the mean of its own group than to
            that of any other.
        fidelity: share of positions of other strings at which the machine says what the model does.
    """

    machine: Machine | None
    groups: int
    purity: float
    separation: float
    fidelity: float


@flushing_denormals()
@torch.inference_mode()
def read_out(
    model: SequenceModel,
    split: Split,
    alphabet: Sequence[str],
    classes: Sequence[str],
    *,
    device: str = "cpu",
) -> Reading:
    """The automaton of `model`, from the strings of `split`; half of them are kept for testing it.

    Args:
        alphabet, classes: of the dataset; symbols and outputs of the machine.
        device: "cpu" or "cuda".
    """
    model.eval().to(device)
    order = np.random.default_rng(0).permutation(len(split))
    size = max(1, POSITIONS // int(split.lengths.mean()))
    chosen, kept = order[: min(size, len(order) // 2)], order[len(order) // 2 :][:size]
    symbols, said, vectors = _observe(model, split, chosen, device)
    vectors = _scaled(vectors)
    groups, purity = _partition(symbols, said, vectors)
    separation = _separation(vectors, groups)
    number, bounds = int(groups.max()) + 1, np.cumsum([0, *map(len, said)])
    if purity < PURE:
        return Reading(None, number, purity, separation, 0.0)
    paths = [groups[a:b].tolist() for a, b in pairwise(bounds)]
    machine = _smallest(_machine(symbols, said, paths, alphabet, classes), classes)
    fidelity = _fidelity(machine, *_observe(model, split, kept, device)[:2], alphabet, classes)
    return Reading(machine, number, purity, separation, fidelity)


def _observe(model, split: Split, chosen: np.ndarray, device: str):
    """Symbols and classes said, a list per string, and the state vectors of all positions."""
    tokens, _ = pad(split, chosen)
    state, said, vectors = None, [], []
    for t in range(tokens.shape[1]):
        logits, state = model(torch.from_numpy(tokens[:, t : t + 1]).to(device).long(), state)
        require_state(model, state)
        said.append(logits[:, 0].argmax(-1).cpu().numpy())
        flat = [part.flatten(1) for parts in state for part in parts]
        vectors.append(torch.cat(flat, 1).cpu().numpy().astype(np.float32))
    said, lengths = np.stack(said, 1), split.lengths[chosen]
    inside = np.stack(vectors, 1)[np.arange(tokens.shape[1]) < lengths[:, None]]
    rows = range(len(chosen))
    return (
        [tokens[i, : lengths[i]].tolist() for i in rows],
        [said[i, : lengths[i]].tolist() for i in rows],
        inside,
    )


def _scaled(vectors: np.ndarray, most: int = 64) -> np.ndarray:
    """The main components of the state vectors, in units of the largest one's spread."""
    centred = vectors - vectors.mean(0)
    if centred.shape[1] > most:
        _, _, directions = torch.pca_lowrank(torch.from_numpy(centred), q=most, center=False)
        centred = centred @ directions.numpy()
    return centred / max(float(centred.std(0).max()), 1e-30)


def _partition(symbols, said, vectors) -> tuple[np.ndarray, float]:
    """The group of each position, and the share of transitions that go the way of their group.

    That share is 0 if not all groups could be made pure.
    """
    starts = np.cumsum([0, *map(len, said)])[:-1]
    groups = np.unique(np.concatenate(said), return_inverse=True)[1]
    token = np.concatenate(symbols)
    before = np.arange(len(groups)) - 1
    inner = np.ones(len(groups), dtype=bool)
    inner[starts] = False  # the first position of a string has none before it
    while True:
        moves = [
            np.flatnonzero(inner & (groups[before] == group) & (token == symbol))
            for group in range(groups.max() + 1)
            for symbol in range(token.max() + 1)
        ]
        moves = [places for places in moves if len(places) >= RARE]
        ways = [Counter(groups[places].tolist()).most_common(1)[0][1] for places in moves]
        impure = [i for i, most in enumerate(ways) if most < PURE * len(moves[i])]
        if not impure:
            return groups, sum(ways) / max(1, sum(map(len, moves)))
        impure.sort(key=lambda i: ways[i] - len(moves[i]))  # the most mistakes first
        split = (_split(vectors, groups, before[moves[i]], groups[moves[i]]) for i in impure)
        members = next((part for part in split if part is not None), None)
        if members is None or groups.max() + 1 == GROUPS:
            return groups, 0.0
        groups[members] = groups.max() + 1


def _separation(vectors: np.ndarray, groups: np.ndarray) -> float:
    means = np.stack([vectors[groups == group].mean(0) for group in range(groups.max() + 1)])
    return float((_nearest(vectors, means) == groups).mean())


def _split(vectors, groups, sources: np.ndarray, ways: np.ndarray) -> np.ndarray | None:
    """The part of a group to set apart, so that sources that go different ways are told apart.

    Nearest to the mean of those that do not go the way of most, as it is, or after k-means has
    moved the two means to where the state vectors crowd: whichever tells more sources apart.
    """
    from scipy.cluster.vq import kmeans2

    usual = ways == Counter(ways.tolist()).most_common(1)[0][0]
    members = np.flatnonzero(groups == groups[sources[0]])
    means = np.stack([vectors[sources[chosen]].mean(0) for chosen in (usual, ~usual)])
    crowds = kmeans2(vectors[members], means, minit="matrix")[0]
    best, told = None, usual.sum()
    for centres in (crowds, means):
        apart = _nearest(vectors[members], centres) == 1
        right = _nearest(vectors[sources], centres) == np.where(usual, 0, 1)
        right = max(right.sum(), (~right).sum())
        if 0 < apart.sum() < len(members) and right > told:
            best, told = members[apart], right
    return best


def _nearest(vectors: np.ndarray, centres: np.ndarray) -> np.ndarray:
    return ((vectors[:, None] - centres) ** 2).sum(2).argmin(1)


def _machine(symbols, said, paths, alphabet, classes) -> Machine:
    """The machine that goes as most positions of each group go, with "start" before all."""
    ways: dict = {}
    outputs: dict = {}
    for string, classes_said, path in zip(symbols, said, paths, strict=True):
        for before, token, output, after in zip(
            ["start", *path[:-1]], string, classes_said, path, strict=True
        ):
            ways.setdefault((before, alphabet[token]), Counter())[after] += 1
            outputs.setdefault(after, Counter())[classes[output]] += 1
    machine: Machine = {"start": (None, {})}
    machine |= {group: (found.most_common(1)[0][0], {}) for group, found in outputs.items()}
    for (before, symbol), found in ways.items():
        machine[before][1][symbol] = found.most_common(1)[0][0]
    return machine


def _smallest(machine: Machine, classes: Sequence[str]) -> Machine:
    """Minimal, with that output before the first symbol, where the model says nothing, that leaves
    the fewest states."""
    (_, following), *_ = machine.values()
    options = [minimal(machine | {"start": (output, following)}) for output in classes]
    return min(options, key=len)


def _fidelity(machine: Machine, symbols, said, alphabet, classes) -> float:
    right = total = 0
    for string, outputs in zip(symbols, said, strict=True):
        found = run_machine(machine, "".join(alphabet[token] for token in string))
        right += sum(classes[i] == output for i, output in zip(outputs, found, strict=True))
        total += len(string)
    return right / total


def _machine_of(task: TaskSettings) -> Machine | None:
    """The machine of a task: of a language, or of what recognises its strings."""
    if task.language == RECOGNITION:
        return of_recogniser(language_of(task.params), CLASSES)
    return of_language(languages.get(task.language, **task.params))


def read_out_cell(
    cell: TrainedCell,
    *,
    runs: Sequence[dict],
    dataset: str | Path,
    weights: str | Path,
    sha256: str | None = None,
    spec: DatasetSpec | None = None,
    output: str | Path,
    device: str = "auto",
    most: int | None = None,
) -> None:
    """Read an automaton out of every seed of a cell that is solved and write them as JSON.

    Args:
        cell: model and task.
        runs: of its record.
        dataset: the task's test strings; those of the second bin are read, beyond training.
        weights: the cell's weights file.
        sha256: of that file, by the cell's record.
        spec: what the test strings were drawn from.
        output: {"task", "model", "language": its minimal machine or null, "seeds": [{"seed",
            "status" and, if it is solved, what `Reading` has, "difference": a string that tells
            the machine from the language's, and "unread": one that it cannot read, or null}]}.
        device: auto, cpu or cuda.
        most: solved seeds to read out, the first ones, None for all; the others are left out.
    """
    device = devices.pick(device)
    data = load_dataset(dataset, cell.task, spec=spec, kinds=("test",))
    solved = [run for run in runs if run["status"] == "solved"][:most]
    own = _machine_of(cell.task)
    split = data.test[min(1, len(data.test) - 1)]
    seeds = []
    for run in runs:
        if run["status"] == "solved" and run not in solved:
            continue
        facts = {"seed": run["seed"], "status": run["status"]}
        if run in solved:
            model = load_trained_model(
                cell.model, data, weights, seed=run["seed"], dtype=cell.dtype, sha256=sha256
            )
            found = read_out(model, split, data.alphabet, data.classes, device=device)
            facts |= asdict(found)
            if found.machine is not None and own is not None:
                facts["difference"] = difference(found.machine, own)
                facts["unread"] = unread(found.machine, own)
        seeds.append(facts)
    write_json(output, cell.names | {"language": own, "seeds": seeds})
