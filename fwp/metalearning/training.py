"""Training a model to learn from streams, and measuring what it knows of A after B."""

import math
import time
from typing import Any

import numpy as np
import torch

from fwp.config.settings import ModelSettings, TrainingSettings
from fwp.metalearning import episodes, measures, streams
from fwp.metalearning.episodes import Reader
from fwp.metalearning.families import family
from fwp.metalearning.model import StreamModel, build
from fwp.metalearning.tasks import Family
from fwp.training.schedule import Schedule
from fwp.utils.denormals import flushing_denormals

REPORTS = 20  # losses that are kept of a training


@flushing_denormals()
def run(
    *,
    task: str,
    model: dict[str, Any],
    training: dict[str, Any],
    objective: str,
    seed: int,
    steps: int,
    settings: dict[str, Any],
    device: str = "cpu",
) -> dict[str, Any]:
    """Train one model on episodes of A and B; at every step new ones, and A of the other domain.

    Episodes depend on the seed, and not on the model or the objective.

    Args:
        task: a family of tasks.
        model: `ModelSettings` as a dictionary.
        training: `TrainingSettings` likewise; of a budget, only the batch size plays a part.
        objective: plain or acl.
        seed: decides initial weights and episodes.
        steps: of training.
        settings: labels, ways, shots, queries, dimensions, noise, images, and the number of test
            `episodes`.
        device: "cpu" or "cuda".

    Returns:
        a_after_a, b_after_b, a_after_b and a_again (scores), course (see `measures.course`),
        history ([step, loss], …), status (finished, or diverged, where all scores are 0), steps,
        seconds.
    """
    began = time.perf_counter()
    tasks = family(task, settings)
    net, history = _train(
        tasks,
        ModelSettings.from_dict(model),
        TrainingSettings.from_dict(training),
        objective,
        seed,
        steps,
        settings,
        device,
    )
    found = measures.course(
        net,
        tasks,
        labels=settings["labels"],
        rng=np.random.default_rng([1, seed]),
        count=settings["episodes"],
        queries=settings["queries"],
        device=device,
    )
    diverged = not math.isfinite(history[-1][1])
    if diverged:
        found = [row | {"a": 0.0, "b": 0.0} for row in found]
    last = {row["part"]: row for row in found}
    return {
        "a_after_a": last["A"]["a"],
        "b_after_b": last["B"]["b"],
        "a_after_b": last["B"]["a"],
        "a_again": last["again"]["a"],
        "course": found,
        "history": history,
        "status": "diverged" if diverged else "finished",
        "steps": history[-1][0],
        "seconds": time.perf_counter() - began,
    }


def _train(
    tasks: Family,
    model: ModelSettings,
    how: TrainingSettings,
    objective: str,
    seed: int,
    steps: int,
    settings: dict[str, Any],
    device: str,
) -> tuple[StreamModel, list]:
    """The trained model and its history, which ends where the loss is no number any more."""
    labels, rng = settings["labels"], np.random.default_rng([0, seed])
    width = streams.width(tasks.inputs, tasks.outputs)
    net = build(width, tasks.outputs, model, seed=seed, device=device).train()
    schedule = Schedule(how.schedule, how.learning_rate, steps, how.warmup)
    optimiser = torch.optim.AdamW(
        net.parameters(), betas=how.betas, eps=how.eps, weight_decay=how.weight_decay, fused=True
    )
    history, every = [], max(1, steps // REPORTS)
    for step in range(1, steps + 1):
        episode = episodes.draw(
            rng, tasks, how.batch_size, settings["queries"], domain=step % 2, test=False
        )
        answers = episodes.go_through(Reader(net, labels, device), episode)
        loss = measures.objective(answers, objective, labels, classes=tasks.classes)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        if how.clip is not None:
            torch.nn.utils.clip_grad_norm_(net.parameters(), how.clip)
        optimiser.param_groups[0]["lr"] = schedule.rate(step - 1)
        optimiser.step()
        if step % every == 0 or step == steps:
            history.append([step, float(loss.detach())])
            if not math.isfinite(history[-1][1]):
                break
    return net, history
