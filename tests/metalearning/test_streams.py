"""Streams against loops, and labels that a model must not see."""

import numpy as np
import pytest
import torch

from fwp.experiment.resolve import model_settings
from fwp.metalearning import episodes, measures, streams
from fwp.metalearning.episodes import Reader
from fwp.metalearning.families import family
from fwp.metalearning.model import build
from fwp.metalearning.tasks import Examples

SETTINGS = {"ways": 3, "shots": 2, "dimensions": 4, "noise": 0.5, "images": None}
FAMILIES = ("clusters", "linear", "sinusoids")
MODELS = ("deltanet", "lstm", "srwm", "transformer", "linear_transformer")


def an_episode(name="clusters", count=2, domain=1):
    rng = np.random.default_rng(0)
    return episodes.draw(rng, family(name, SETTINGS), count, 2, domain=domain, test=False)


def a_model(mixer="deltanet", inputs=4, outputs=3, **more):
    options = {} if mixer == "lstm" else {"heads": 2}
    settings = model_settings(mixer, hidden=8, layers=2, feed_forward=1, **options, **more)
    width = streams.width(inputs, outputs)
    return build(width, outputs, settings, seed=0, device="cpu").eval()


def by_hand(episode: episodes.Episode, labels: str) -> list[list[float]]:
    """The first row's vectors of A and B, one example after the other."""
    vectors, last = [], None
    for task, domain in ((episode.a, episode.domain), (episode.b, 1 - episode.domain)):
        for x, y in zip(task.x[0], task.y[0], strict=True):
            shown = y if labels == "synchronous" else last
            marker = [1.0, 0.0] if domain == 0 else [0.0, 1.0]
            label = [0.0] * len(y) + [1.0] if shown is None else [*shown, 0.0]
            vectors.append([*x, *marker, *label])
            last = y
    return vectors


@pytest.mark.parametrize("labels", streams.LABELS)
@pytest.mark.parametrize("name", FAMILIES)
def test_a_stream_is_what_a_loop_makes_of_its_examples(name, labels):
    episode = an_episode(name)
    a = streams.reading(episode.a, 1, labels)
    b = streams.reading(episode.b, 0, labels, episode.a.y[:, -1])
    found = np.concatenate([a, b], axis=1)
    assert found.dtype == np.float32
    assert found[0].tolist() == np.array(by_hand(episode, labels), np.float32).tolist()


def test_a_question_has_no_label_or_the_last_one():
    episode = an_episode()
    asked, last = episode.a_asked, episode.b.y[:, -1]
    unknown = streams.asking(asked, 1, "synchronous", last)
    assert unknown[..., 4:].tolist() == [[[0, 1, 0, 0, 0, 1]] * 2] * 2
    told = streams.asking(asked, 1, "delayed", last)
    assert told[0, :, 4:].tolist() == [[0, 1, *last[0], 0]] * 2
    assert np.array_equal(
        streams.asking(asked, 1, "delayed", None), streams.asking(asked, 1, "synchronous", None)
    )


def test_other_labels_are_refused():
    with pytest.raises(ValueError, match="labels must be one of synchronous, delayed, got 'late'"):
        streams.reading(an_episode().a, 0, "late")


@pytest.mark.parametrize("mixer", MODELS)
def test_an_output_does_not_depend_on_the_label_that_is_due(mixer):
    episode, model = an_episode(), a_model(mixer)
    with torch.no_grad():
        outputs, _ = Reader(model, "delayed").read(episode.a, 0)
        for t in range(episode.a.y.shape[1]):
            y = episode.a.y.copy()
            y[:, t] = np.roll(y[:, t], 1, axis=-1)
            other, _ = Reader(model, "delayed").read(episode.a._replace(y=y), 0)
            same = (outputs == other).all(-1)
            assert same[:, : t + 1].all()
            assert same[:, t + 1 :].numel() == 0 or not same[:, t + 1 :].all()


@pytest.mark.parametrize("labels", streams.LABELS)
def test_no_question_is_answered_by_its_label(labels):
    episode, model = an_episode(), a_model()
    wrong = episode.a_asked._replace(y=np.roll(episode.a_asked.y, 1, axis=-1))
    with torch.no_grad():
        one, other = (
            episodes.go_through(Reader(model, labels), asked)
            for asked in (episode, episode._replace(a_asked=wrong))
        )
    assert torch.equal(one.a_after_b[0], other.a_after_b[0])
    assert torch.equal(one.a_after_a[0], other.a_after_a[0])
    assert not torch.equal(one.a_after_b[1], other.a_after_b[1])


@pytest.mark.parametrize("mixer", MODELS)
@pytest.mark.parametrize("labels", streams.LABELS)
def test_questions_see_the_whole_stream_and_leave_it_as_it_is(mixer, labels):
    episode, model = an_episode(), a_model(mixer)
    with torch.no_grad():
        found = episodes.go_through(Reader(model, labels), episode)
        a = streams.reading(episode.a, 1, labels)
        b = streams.reading(episode.b, 0, labels, episode.a.y[:, -1])
        asked = streams.asking(episode.a_asked, 1, labels, episode.b.y[:, -1])
        for i in range(2):  # each question at the end of a stream of its own
            x = np.concatenate([a, b, asked[:, i : i + 1]], axis=1)
            outputs, _ = model(torch.from_numpy(x))
            torch.testing.assert_close(outputs[:, -1], found.a_after_b[0][:, i])
        torch.testing.assert_close(outputs[:, 6:12], found.b[0])


def test_plain_and_acl_are_the_means_of_their_losses():
    episode, model = an_episode(), a_model()
    for labels in streams.LABELS:
        with torch.no_grad():
            answers = episodes.go_through(Reader(model, labels), episode)
        read = (answers.a, answers.b)
        asked = (answers.a_after_a, answers.b_after_b)
        losses = [
            float(torch.nn.functional.cross_entropy(o.flatten(0, 1), y.flatten(0, 1)))
            for o, y in (*(read if labels == "delayed" else asked), answers.a_after_b)
        ]
        plain = measures.objective(answers, "plain", labels, classes=True)
        acl = measures.objective(answers, "acl", labels, classes=True)
        assert float(plain) == pytest.approx(sum(losses[:2]) / 2)
        assert float(acl) == pytest.approx(sum(losses) / 3)
    with pytest.raises(ValueError, match="objective must be one of plain, acl, got 'both'"):
        measures.objective(answers, "both", labels, classes=True)


def test_scores_are_accuracy_and_explained_squares():
    outputs = torch.tensor([[[2.0, 1.0]], [[0.0, 1.0]]])
    labels = torch.tensor([[[1.0, 0.0]], [[1.0, 0.0]]])
    assert measures.score([(outputs, labels)], classes=True) == 0.5
    y = torch.tensor([[[1.0], [2.0]]])
    assert measures.score([(y, y)], classes=False) == 1
    assert measures.score([(0 * y, y)], classes=False) == 0
    assert measures.score([(y + 1, y)], classes=False) == pytest.approx(1 - 2 / 5)


class Constant:
    """Tasks whose label is always the domain, to see which task is asked when."""

    inputs, outputs, classes = 1, 2, True

    def draw(self, rng, count, domain, *, test):
        assert test
        return Constant.of(domain, count)

    @staticmethod
    def of(domain, count):
        y = np.eye(2, dtype=np.float32)[np.full((count, 4), domain)]
        tasks = Constant()
        tasks.examples = Examples(np.zeros((count, 4, 1), np.float32), y)
        return tasks

    def context(self, rng):
        return self.examples

    def queries(self, rng, count):
        return Examples(*(part[:, :count] for part in self.examples))


class Last(torch.nn.Module):
    """Answers by the last label that it has read."""

    def forward(self, x, state=None):
        labels = x[..., 3:5]
        return labels, [labels[:, -1]]

    def answer(self, questions, state):
        last = torch.zeros(len(questions), 2) if state is None else state[0]
        return last.unsqueeze(1).expand(-1, questions.shape[1], -1)


def test_the_course_asks_about_both_tasks_while_a_b_and_a_again_are_read():
    found = measures.course(
        Last(), Constant(), labels="synchronous", rng=np.random.default_rng(0), count=5, queries=3
    )
    parts = [row["part"] for row in found]
    assert parts == ["A"] * 5 + ["B"] * 4 + ["again"] * 4
    assert [row["examples"] for row in found] == list(range(13))
    after = {(row["part"], row["a"], row["b"]) for row in found[1:]}
    assert after == {("A", 1.0, 0.0), ("B", 0.0, 1.0), ("again", 1.0, 0.0)}
