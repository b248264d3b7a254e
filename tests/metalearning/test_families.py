"""Families of tasks: distributions, classes, image sets from files."""

import numpy as np
import pytest

from fwp.metalearning.families import FAMILIES, family
from fwp.metalearning.images import read

SIZES = {"ways": 3, "shots": 4, "dimensions": 6, "noise": 0.5}


def an_image_set(folder, classes=12, each=6, side=4):
    """Images that show their class and their number."""
    y = np.repeat(np.arange(classes), each)
    x = 10.0 * y[:, None, None] + np.tile(np.arange(each), classes)[:, None, None]
    x = np.broadcast_to(x, (len(y), side, side)).astype(np.float32)
    np.savez(folder / "set.npz", x=x, y=y)
    return {"paths": [str(folder / "set.npz")], "pixels": side, "test": 0.5}


@pytest.mark.parametrize("name", FAMILIES)
def test_a_task_has_examples_of_the_size_of_one(name, tmp_path):
    settings = SIZES | {"images": an_image_set(tmp_path)}
    tasks, rng = family(name, settings), np.random.default_rng(0)
    drawn = tasks.draw(rng, 300, 0, test=False)
    x, y = drawn.context(rng)
    assert x.shape == (300, 12, tasks.inputs) and y.shape == (300, 12, tasks.outputs)
    assert x.dtype == y.dtype == np.float32
    assert x.std() == pytest.approx(1, abs=0.05)
    if tasks.classes:
        assert (y.sum(1) == 4).all() and (y.sum(2) == 1).all()
    else:
        assert y.std() == pytest.approx(1, abs=0.15)
    asked = drawn.queries(rng, 2)
    assert asked.x.shape == (300, 2, tasks.inputs)
    with pytest.raises(ValueError, match="tasks must be of clusters, linear, sinusoids, images"):
        family("circles", settings)


def test_examples_of_a_cluster_lie_around_its_centre():
    rng = np.random.default_rng(0)
    drawn = family("clusters", SIZES).draw(rng, 50, 0, test=False)
    context, asked = drawn.context(rng), drawn.queries(rng, 20)
    centres = np.einsum("bnc,bnd->bcd", context.y, context.x) / 4
    distances = np.square(asked.x[:, :, None] - centres[:, None]).sum(-1)
    assert (distances.argmin(-1) == asked.y.argmax(-1)).mean() > 0.8


def test_values_of_functions_follow_from_few_of_them():
    rng = np.random.default_rng(0)
    drawn = family("linear", SIZES).draw(rng, 5, 0, test=False)
    context, asked = drawn.context(rng), drawn.queries(rng, 3)
    for i in range(5):
        w, *_ = np.linalg.lstsq(context.x[i], context.y[i], rcond=None)
        np.testing.assert_allclose(asked.x[i] @ w, asked.y[i], atol=1e-4)
    drawn = family("sinusoids", SIZES).draw(rng, 5, 0, test=False)
    context, asked = drawn.context(rng), drawn.queries(rng, 3)
    for i in range(5):  # a sin(3x + φ) = a cos φ sin 3x + a sin φ cos 3x
        parts = [np.hstack([np.sin(3 * x), np.cos(3 * x)]) for x in (context.x[i], asked.x[i])]
        w, *_ = np.linalg.lstsq(parts[0], context.y[i], rcond=None)
        np.testing.assert_allclose(parts[1] @ w, asked.y[i], atol=1e-4)
        assert 0.1 < 2 * np.hypot(*w) < 5.1


def seen(drawn, rng, times=20):
    """Numbers of images in contexts and in questions, by task."""
    contexts = np.concatenate([drawn.context(rng).x[..., 0] for _ in range(times)], axis=1)
    return [set(row) for row in contexts], [set(row) for row in drawn.queries(rng, 90).x[..., 0]]


def test_images_of_tests_of_the_other_task_and_of_questions_are_apart(tmp_path):
    tasks = family("images", SIZES | {"images": an_image_set(tmp_path)})
    rng = np.random.default_rng(0)
    found = {}
    for domain in (0, 1):
        for test in (False, True):
            drawn = tasks.draw(rng, 30, domain, test=test)
            contexts, asked = seen(drawn, rng)
            for own, other in zip(contexts, asked, strict=True):
                assert len(own) == 12 and len(other) == 6 and not own & other
            found[domain, test] = set().union(*contexts, *asked)
    assert len(set().union(*found.values())) == sum(map(len, found.values())) == 72


def test_two_sets_of_images_are_a_domain_each(tmp_path):
    paths = []
    for i, name in enumerate(("a", "b")):
        (tmp_path / name).mkdir()
        paths += an_image_set(tmp_path / name, side=2 + i)["paths"]
    images = {"paths": paths, "pixels": 2, "test": 0.5}
    tasks, rng = family("images", SIZES | {"images": images}), np.random.default_rng(0)
    for domain in (0, 1):
        contexts, asked = seen(tasks.draw(rng, 60, domain, test=True), rng)
        assert len(set().union(*contexts, *asked)) == 36


def test_a_folder_of_folders_is_read(tmp_path):
    image = pytest.importorskip("PIL.Image", reason="images are read by Pillow")
    for c, name in enumerate(("bird", "cat")):
        (tmp_path / name).mkdir()
        for i in range(2):
            pixels = np.full((6, 5), 100 * c + 20 * i, np.uint8)
            image.fromarray(pixels).save(tmp_path / name / f"{i}.png")
    x, y = read(str(tmp_path), 3)
    assert x.shape == (4, 9) and y.tolist() == [0, 0, 1, 1]
    assert x.mean() == pytest.approx(0, abs=1e-6) and x.std() == pytest.approx(1)
    np.testing.assert_allclose(x[2] - x[0], 5 * (x[1] - x[0]), rtol=1e-5)
    (tmp_path / "cat" / "note.txt").write_text("no image")
    with pytest.raises(ValueError, match=r"must have images alone, got .*note\.txt"):
        read(str(tmp_path), 3)


def test_files_that_are_no_image_sets_are_refused(tmp_path):
    for change, message in (
        ({"classes": 8}, "at least ways = 3 classes for the training of each task"),
        ({"each": 4}, "shots = 4 images must remain, got 4 images of a class in .*set.npz"),
    ):
        with pytest.raises(ValueError, match=message):
            family("images", SIZES | {"images": an_image_set(tmp_path, **change)})
    np.savez(tmp_path / "flat.npz", x=np.zeros((3, 4)), y=np.zeros(3))
    with pytest.raises(ValueError, match=r"must have x \[N, H, W\] and y \[N\], got \[3, 4\]"):
        read(str(tmp_path / "flat.npz"), 2)
    with pytest.raises(ValueError, match=r"must be a folder, or an \.npz file of arrays x and y"):
        read(str(tmp_path / "none.npz"), 2)
    with pytest.raises(ValueError, match="must have a folder of images for each class, got none"):
        read(str(tmp_path), 2)
