"""Automata read out of models of which it is known what they compute."""

import json
from dataclasses import replace

import handbuilt
import pytest
import torch
from tiny import cell as cell_of
from tiny import model as settings_of
from torch import nn

from fwp import languages
from fwp.analysis import automata
from fwp.datasets.dataset import save_dataset
from fwp.datasets.made import make_dataset
from fwp.datasets.spec import TaskSettings
from fwp.languages import _machine
from fwp.models.weights import write_weights

pytest.importorskip("aalpy")


def data(language, longest=40):
    return make_dataset(
        language, train=(2, 8), validation=[(2, 8)], test=[(9, longest)], counts=(20, 5, 60)
    )


@pytest.mark.parametrize("name", handbuilt.MODELS)
def test_handbuilt_parity_is_two_states(name):
    dataset = data("parity")
    found = automata.read_out(
        handbuilt.MODELS[name](), dataset.test[0], dataset.alphabet, dataset.classes
    )
    assert _machine.difference(found.machine, _machine.of_language(languages.get("parity"))) is None
    assert len(found.machine) == 2 and found.fidelity == 1


class Counter(nn.Module):
    """Counts 1s modulo `modulus`, as noisy points on a circle, and says whether it is at 0."""

    def __init__(self, modulus, noise):
        super().__init__()
        self.modulus, self.noise = modulus, noise
        self.generator = torch.Generator().manual_seed(0)

    def forward(self, tokens, state=None):
        count = torch.zeros(len(tokens)) if state is None else state[0][1][:, 0]
        count = count + tokens[:, 0]
        angle = 2 * torch.pi * count / self.modulus
        point = torch.stack((angle.cos(), angle.sin()), 1)
        point += self.noise * torch.randn(point.shape, generator=self.generator)
        done = (count % self.modulus == 0).float()
        return torch.stack((1 - done, done), 1)[:, None], [[point, count[:, None]]]


def read_counter(monkeypatch, modulus, noise):
    """Read it out from the points alone."""
    scaled = automata._scaled
    monkeypatch.setattr(automata, "_scaled", lambda vectors: scaled(vectors[:, :2]))
    dataset = data("parity")
    model = Counter(modulus, noise)
    return automata.read_out(model, dataset.test[0], dataset.alphabet, dataset.classes)


@pytest.mark.parametrize("modulus", [2, 3, 5])
def test_states_that_say_the_same_are_told_apart(modulus, monkeypatch):
    found = read_counter(monkeypatch, modulus, noise=0.05)
    following = {i: {"0": i, "1": (i + 1) % modulus} for i in range(modulus)}
    own = {i: ("odd" if i else "even", after) for i, after in following.items()}
    assert _machine.difference(found.machine, own) is None
    assert (len(found.machine), found.groups) == (modulus, modulus)
    assert found.separation == 1 and found.fidelity == 1


def test_noise_that_hides_the_state_gives_no_automaton(monkeypatch):
    found = read_counter(monkeypatch, 3, noise=5.0)
    assert found.machine is None and found.purity == 0


def test_another_machine_than_the_languages_is_found_out():
    """A model that has parity wrong: it says even after every 0."""
    dataset = data("parity")
    model = handbuilt.lstm()
    mixer = model.blocks[0].mixer  # i = 1, f = 0, g = tanh(K x): the last symbol alone counts
    mixer.w_h.zero_()
    mixer.w_x[:, 0, 0] = torch.tensor([0.0, 0, handbuilt.K, 0])
    mixer.b[:, 0] = torch.tensor([handbuilt.K, -handbuilt.K, 0.0, handbuilt.K])
    found = automata.read_out(model, dataset.test[0], dataset.alphabet, dataset.classes)
    difference = _machine.difference(found.machine, _machine.of_language(languages.get("parity")))
    assert found.fidelity == 1 and difference == "10"


@pytest.mark.parametrize("language", ["parity", "tomita_4"])
def test_recognisers_are_compared_with_the_automaton_that_accepts(language, tmp_path):
    """Handbuilt parity is the recogniser of the one, and no recogniser of the other."""
    dataset = make_dataset(
        *(language,),
        strings="edits",
        train=(2, 8),
        validation=[(2, 8)],
        test=[(2, 8), (9, 30)],
        counts=(20, 6, 60),
    )
    save_dataset(dataset, tmp_path / "test.npz")
    model = handbuilt.lstm()
    write_weights(tmp_path / "w.safetensors", {0: model.state_dict()})
    given = {"language": language, "params": {}, "strings": "edits"}
    task = TaskSettings("mine", "recognition", given)
    settings = settings_of("lstm", hidden=1, feed_forward=0)
    automata.read_out_cell(
        replace(cell_of().trained, model=settings, task=task),
        runs=[{"seed": 0, "status": "solved"}],
        dataset=tmp_path / "test.npz",
        weights=tmp_path / "w.safetensors",
        output=tmp_path / "a.json",
        device="cpu",
    )
    record = json.loads((tmp_path / "a.json").read_text())
    own = _machine.of_recogniser(languages.get(language), ("no", "yes"))
    assert _machine.from_json(record["language"]) == own
    (found,) = record["seeds"]
    assert found["fidelity"] == 1 and len(found["machine"]) == 2 and found["unread"] is None
    # Of tomita_4, "1" is a string, and not of those with an even number of 1s.
    assert found["difference"] == (None if language == "parity" else "1")


def test_a_cell_is_read_out_seed_by_seed(tmp_path):
    dataset, model = data("parity"), handbuilt.srwm()
    save_dataset(dataset, tmp_path / "test.npz")
    write_weights(tmp_path / "w.safetensors", {0: model.state_dict()})
    settings = settings_of("srwm", hidden=5, feed_forward=0, options={"heads": 1})
    cell = replace(cell_of().trained, model=settings)
    automata.read_out_cell(
        cell,
        runs=[{"seed": 0, "status": "solved"}, {"seed": 1, "status": "budget"}],
        dataset=tmp_path / "test.npz",
        weights=tmp_path / "w.safetensors",
        output=tmp_path / "a.json",
        device="cpu",
    )
    record = json.loads((tmp_path / "a.json").read_text())
    assert _machine.from_json(record["language"]) == _machine.of_language(languages.get("parity"))
    solved, failed = record["seeds"]
    assert failed == {"seed": 1, "status": "budget"}
    assert solved["difference"] is solved["unread"] is None
    assert solved["fidelity"] == 1 and len(solved["machine"]) == 2


def test_of_many_solved_seeds_the_first_are_read_out(tmp_path):
    dataset, weights = data("parity"), {i: handbuilt.srwm().state_dict() for i in range(3)}
    save_dataset(dataset, tmp_path / "test.npz")
    write_weights(tmp_path / "w.safetensors", weights)
    settings = settings_of("srwm", hidden=5, feed_forward=0, options={"heads": 1})
    statuses = ["budget", "solved", "solved"]
    automata.read_out_cell(
        replace(cell_of().trained, model=settings),
        runs=[{"seed": i, "status": status} for i, status in enumerate(statuses)],
        dataset=tmp_path / "test.npz",
        weights=tmp_path / "w.safetensors",
        output=tmp_path / "a.json",
        device="cpu",
        most=1,
    )
    failed, solved = json.loads((tmp_path / "a.json").read_text())["seeds"]
    assert (failed["seed"], solved["seed"]) == (0, 1) and "machine" in solved
