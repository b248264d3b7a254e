"""Few-shot classification of images from files."""

from pathlib import Path

import numpy as np

from fwp.metalearning.tasks import Examples

ASKED = 3  # a third of a class's images are for questions, in each task others
SPLIT = 0  # seed of the division of classes


class Images:
    """Tasks of `ways` random classes; images are vectors of their pixels.

    Classes are divided at random, always alike, into those for training and those for tests. With
    one set, domains 0 and 1 have classes of their own.

    Args:
        ways: classes of a task.
        shots: examples of each class.
        paths: one or two sets: a folder with a folder of images for each class, or an .npz file of
            x [N, H, W] and y [N].
        pixels: width and height to which images are scaled; grey, mean 0 and standard deviation 1.
        test: share of the classes that are for tests alone.

    Raises:
        ValueError: a file is no set of images, or has too few classes, or too few images of one.
    """

    classes = True

    def __init__(self, ways: int, shots: int, *, paths: list[str], pixels: int, test: float):
        self.inputs, self.outputs, self.shots = pixels**2, ways, shots
        sets = [_divided(*read(path, pixels), test) for path in paths]
        if len(sets) == 1:
            ((images, *halves),) = sets
            sets = [(images, *(half[i::2] for half in halves)) for i in (0, 1)]
        for i, (_, *halves) in enumerate(sets):
            for use, own in zip(("training", "tests"), halves, strict=True):
                if len(own) < ways:
                    raise ValueError(
                        f"metalearning.images: {paths[min(i, len(paths) - 1)]} must have at least "
                        f"ways = {ways} classes for the {use} of each task of A and B, got "
                        f"{len(own)}; test = {test} is the share for tests"
                    )
                fewest = min(len(members) for members in own)
                if fewest - _asked(fewest) < shots:
                    raise ValueError(
                        f"metalearning.images: a third of each class is for questions, and shots = "
                        f"{shots} images must remain, got {fewest} images of a class in "
                        f"{paths[min(i, len(paths) - 1)]}"
                    )
        self._sets = sets

    def draw(
        self, rng: np.random.Generator, count: int, domain: int, *, test: bool
    ) -> "ImageTasks":
        """Classes of `count` tasks, and which of their images are for questions."""
        images, *halves = self._sets[domain]
        own = halves[test]
        tasks = [rng.choice(len(own), self.outputs, replace=False) for _ in range(count)]
        shuffled = [[rng.permutation(own[c]) for c in task] for task in tasks]
        return ImageTasks(images, shuffled, self.shots)


class ImageTasks:
    """Tasks with the images of their classes: the first of a class are for questions."""

    def __init__(self, images: np.ndarray, tasks: list[list[np.ndarray]], shots: int):
        self._images, self._tasks, self._shots = images, tasks, shots

    def context(self, rng: np.random.Generator) -> Examples:
        """`shots` images of each class, in random order."""
        chosen, classes = [], []
        for task in self._tasks:
            own = [rng.permutation(c[_asked(len(c)) :])[: self._shots] for c in task]
            order = rng.permutation(len(task) * self._shots)
            chosen.append(np.concatenate(own)[order])
            classes.append(np.repeat(np.arange(len(task)), self._shots)[order])
        return self._examples(chosen, classes)

    def queries(self, rng: np.random.Generator, count: int) -> Examples:
        """Images of random classes that are in no context of the task."""
        chosen, classes = [], []
        for task in self._tasks:
            asked = rng.integers(len(task), size=count)
            chosen.append([rng.choice(task[c][: _asked(len(task[c]))]) for c in asked])
            classes.append(asked)
        return self._examples(chosen, classes)

    def _examples(self, chosen: list, classes: list) -> Examples:
        one_hot = np.eye(len(self._tasks[0]), dtype=np.float32)[np.array(classes)]
        return Examples(self._images[np.array(chosen)], one_hot)


def _asked(count: int) -> int:
    return max(1, count // ASKED)


def _divided(x: np.ndarray, y: np.ndarray, test: float) -> tuple:
    """Images, and for training and tests a list of each class's places."""
    classes = np.random.default_rng(SPLIT).permutation(np.unique(y))
    count = round(test * len(classes))
    places = [np.flatnonzero(y == c) for c in classes]
    return x, places[count:], places[:count]


def read(path: str, pixels: int) -> tuple[np.ndarray, np.ndarray]:
    """Images float32 [N, pixels²] with mean 0 and standard deviation 1, and their classes [N].

    Raises:
        ValueError: it is neither a folder of folders of images nor such a file.
    """
    found = Path(path)
    x, y = _folder(found, pixels) if found.is_dir() else _arrays(found, pixels)
    x = x.reshape(len(x), -1).astype(np.float32)
    return (x - x.mean()) / (x.std() or 1), y


def _folder(folder: Path, pixels: int) -> tuple[np.ndarray, np.ndarray]:
    from PIL import Image, UnidentifiedImageError

    images, classes = [], []
    for c, own in enumerate(sorted(p for p in folder.iterdir() if p.is_dir())):
        for file in sorted(p for p in own.iterdir() if p.is_file() and p.name[0] != "."):
            try:
                with Image.open(file) as image:
                    images.append(np.asarray(image.convert("L").resize((pixels, pixels))))
            except UnidentifiedImageError:
                raise ValueError(
                    f"metalearning.images: a folder of a class must have images alone, got {file}"
                ) from None
            classes.append(c)
    if not images:
        raise ValueError(
            f"metalearning.images: {folder} must have a folder of images for each class, got none"
        )
    return np.stack(images), np.array(classes)


def _arrays(file: Path, pixels: int) -> tuple[np.ndarray, np.ndarray]:
    from PIL import Image

    try:
        with np.load(file, allow_pickle=False) as found:
            x, y = found["x"], found["y"]
    except (OSError, KeyError, ValueError) as error:
        raise ValueError(
            f"metalearning.images: {file} must be a folder, or an .npz file of arrays x and y: "
            f"{error}"
        ) from None
    if x.ndim != 3 or y.shape != x.shape[:1]:
        raise ValueError(
            f"metalearning.images: {file} must have x [N, H, W] and y [N], got "
            f"{list(x.shape)} and {list(y.shape)}"
        )
    if x.shape[1:] != (pixels, pixels):
        size = (pixels, pixels)
        frames = (Image.fromarray(image.astype(np.float32)).resize(size) for image in x)
        x = np.stack([np.asarray(frame) for frame in frames])
    return x, y
