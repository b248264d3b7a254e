"""Associative retrieval: sequences, memories, and how they stand beside the published losses."""

import json

import numpy as np
import pytest
import torch

from fwp.config import schema
from fwp.nn import feature_maps
from fwp.retrieval import data, grid, report, training
from fwp.retrieval.memory import Memory


@pytest.mark.parametrize("repeated", [False, True])
def test_the_last_value_of_a_key_is_due(repeated):
    rng = np.random.default_rng(0)
    found = [
        data.batch(rng, 9, 50, repeated=repeated),
        *data.evaluator(rng, 9, 5, repeated=repeated),
    ]
    for keys, values, queries, answers in found:
        for own, written, asked, due in zip(keys, values, queries, answers, strict=True):
            memory = dict(zip(own.tolist(), written.tolist(), strict=True))
            assert [memory[key] for key in asked.tolist()] == due.tolist()
            if not repeated:
                assert sorted(own) == sorted(written) == list(range(9))
    assert found[0].keys.shape == (50, 18 if repeated else 9)
    assert all(len(set(e.queries[0])) == len(set(e.keys[0])) for e in found[1:])


def read_step_by_step(q, k, v, beta, rule):
    """What is read after one write after the other."""
    S = torch.zeros(k.shape[-1], v.shape[-1], dtype=k.dtype)
    for t in range(len(k)):
        old = k[t] @ S if rule == "delta" else 0
        S = S + torch.outer(k[t], beta[t] * (v[t] - old) if rule == "delta" else v[t])
    return q @ S if rule == "delta" else q @ S / (q @ k.sum(0) + 1e-6).unsqueeze(-1)


@pytest.mark.parametrize("name", [name for name in grid.MEMORIES if name != "softmax"])
def test_reading_at_once_is_reading_after_every_write(name):
    torch.manual_seed(0)
    settings = grid.MEMORIES[name]
    model = Memory(7, **settings, width=6).double()
    pairs = data.batch(np.random.default_rng(0), 7, 3, repeated=True)
    keys, values, queries, _ = map(torch.from_numpy, pairs)
    q, k, beta = model.vectors(keys, values, queries)
    retrieved = model.weights(q, k, beta) @ torch.nn.functional.one_hot(values, 7).double()
    for i in range(3):
        v = torch.nn.functional.one_hot(values[i], 7).double()
        expected = read_step_by_step(q[i], k[i], v, beta[i], settings.get("rule", "sum"))
        torch.testing.assert_close(retrieved[i], expected)


def test_keys_see_their_values():
    torch.manual_seed(0)
    model = Memory(5, feature_map="softmax").double()
    keys, values = torch.tensor([[0, 3]]), torch.tensor([[4, 1]])
    _, k, beta = model.vectors(keys, values, keys[:, :1])
    one_hot = torch.nn.functional.one_hot(values, 5).double()
    x = torch.cat([one_hot, model.embedding(keys)], dim=-1)
    torch.testing.assert_close(k, model.key(x))
    torch.testing.assert_close(beta, model.rate(x).squeeze(-1).sigmoid())


@pytest.mark.parametrize("change", [{"feature_map": "relu"}, {"rule": "max"}, {"rule": "delta"}])
def test_a_memory_that_is_none_is_refused(change):
    with pytest.raises(ValueError, match="feature_map must be one of softmax, elu, dpfp, favor"):
        Memory(5, **{"feature_map": "softmax"} | change)


def test_dpfp_is_the_products_of_neighbours():
    x = torch.tensor([1.0, -2.0])
    r = [1.0, 0.0, 0.0, 2.0]
    for nu in (1, 2, 3):
        expected = [r[i] * r[(i - j) % 4] for j in range(1, nu + 1) for i in range(4)]
        assert feature_maps.dpfp(x, nu).tolist() == expected


def test_random_features_come_near_the_softmax_kernel():
    torch.manual_seed(0)
    x, y = 0.4 * torch.randn(2, 6, 8, dtype=torch.float64)
    directions = feature_maps.orthogonal_directions(8, 20_000, like=x)
    assert directions.shape == (8, 20_000)
    group = directions[:, 8:16]
    torch.testing.assert_close(group.T @ group, torch.diag(group.norm(dim=0) ** 2))
    near = feature_maps.favor_plus(x, directions) @ feature_maps.favor_plus(y, directions).T
    torch.testing.assert_close(near, (x @ y.T).exp(), rtol=0.1, atol=0.0)


def test_a_memory_learns_to_retrieve_and_then_stops():
    found = training.run(memory={"feature_map": "softmax"}, repeated=False, count=6, steps=2000)
    assert found["status"] == "solved"
    assert found["loss"] <= 1e-3
    assert found["steps"] == len(found["history"]) * 100 < 2000
    again = training.run(memory={"feature_map": "softmax"}, repeated=False, count=6, steps=2000)
    assert again["history"] == found["history"]


def test_a_memory_that_is_too_small_gets_stuck_or_out_of_steps(monkeypatch):
    monkeypatch.setattr(training, "EVERY", 2)
    narrow = {"feature_map": "elu", "width": 1}
    found = training.run(memory=narrow, repeated=False, count=8, steps=3)
    assert (found["status"], [step for step, _ in found["history"]]) == ("budget", [2, 3])
    found = training.run(memory=narrow, repeated=False, count=8, steps=1500, learning_rate=1e-9)
    assert found["status"] == "stuck"


def test_the_schema_knows_the_memories():
    assert schema.rules()["$defs"]["memories"]["items"]["enum"] == list(grid.MEMORIES)


def test_the_report_sets_losses_beside_the_published_ones(tmp_path):
    config = {
        "seeds": 2,
        "steps": 10,
        "distinct": {"memories": ["elu", "softmax"], "pairs": [30, 40]},
        "repeated": {"memories": ["dpfp_1_delta"], "pairs": [20]},
    }
    jobs = list(grid.jobs(config))
    assert len(jobs) == 10
    assert grid.params(config, "repeated", "dpfp_1_delta", "20", "2") == {
        "memory": {"feature_map": "dpfp", "nu": 1, "rule": "delta"},
        "repeated": True,
        "count": 20,
        "seed": 2,
        "steps": 10,
    }
    files = []
    for i, job in enumerate(jobs):
        facts = {"loss": job.seed / 100, "steps": 10, "status": "budget", "seconds": 1.0}
        files.append(tmp_path / f"{i}.json")
        files[-1].write_text(json.dumps(facts))
    table = report.collect(jobs, files)
    text = " ".join(report.markdown(table).split())
    assert "| S | 30 | 40 |" in text
    assert "| elu + 1 | 0.0150 | 0.0150 (0.0008) |" in text
    assert "| softmax | 0.0150 | 0.0150 |" in text
    assert "| DPFP-1, delta rule | 0.0150 (0.0008) |" in text
    panels = report.figure(table).axes
    assert [axis.get_title() for axis in panels] == list(report.TITLES.values())
