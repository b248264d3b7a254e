"""What a notebook imports: `import fwp` offers every function of this file.

    import fwp

    data = fwp.make_dataset("parity", train=(2, 50), test=[(2, 50), (51, 100)])
    model = fwp.build_model("deltanet", data, hidden=64, heads=4, seed=0)
    run = fwp.train(model, data, epochs=10, learning_rate=1e-3)
    accuracy = fwp.evaluate(model, data)

Nothing within the package imports this file.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fwp.config.loading import ConfigError
from fwp.datasets.dataset import Dataset, load_dataset, save_dataset
from fwp.datasets.files.made import read_dataset
from fwp.datasets.made import make_dataset
from fwp.datasets.text.dataset import TextDataset
from fwp.datasets.text.made import make_text
from fwp.experiment.experiment import Experiment, load_experiment
from fwp.experiment.resolve import MODEL_KEYS, model_settings, training_settings
from fwp.experiment.validate_models import options
from fwp.mixers._signature import read_signature, signature_of

if TYPE_CHECKING:
    import pandas as pd

    from fwp.analysis.comparison import Comparison
    from fwp.analysis.results import ExperimentResults
    from fwp.languages.base import Language
    from fwp.models.check import Finding
    from fwp.models.sequence_model import SequenceModel
    from fwp.status.state import Status
    from fwp.training.run import Run

__all__ = [
    "Dataset",
    "Experiment",
    "adapt",
    "build_construction",
    "build_model",
    "check",
    "compare",
    "evaluate",
    "load_dataset",
    "load_experiment",
    "load_model",
    "load_results",
    "load_status",
    "make_dataset",
    "make_text",
    "read_dataset",
    "save_dataset",
    "show_mistake",
    "train",
]


def adapt(
    factory: Callable[..., object], *, state: bool | None = None, wiring: str | None = None
) -> type:
    """A mixer of any `torch.nn.Module` that maps x [batch, time, width] to y of the same size.

    The module may return y, or a tuple that begins with y. It must be causal; `fwp.check` tells.

    Args:
        factory: builds the module from its width, and from options by name, such as
            `lambda width: nn.GRU(width, width, batch_first=True)`. It may be a class of modules.
        state: True if the module is called as `module(x, state)`, and returns (y, state), so that
            strings can be read in pieces. The batch may be any axis of the state's tensors. False
            if strings are read whole, which takes memory that grows with their length. By default
            a second argument that is called `state`, `hx` or so is taken for a state.
        wiring: of the block around it, as under `model` in a config; pre_norm by default.

    Returns:
        A class, which `build_model` and `check` take in place of a name. In a file, `mine =
        fwp.adapt(…)` is the mixer `file:mine` of a config.

    Raises:
        ValueError: the factory cannot be called, or is a module itself.
    """
    from fwp.mixers._adapt import adapt as adapted

    return adapted(factory, state=state, wiring=wiring)


def build_construction(
    mixer: str, language: "str | Language", *, dtype: str = "float32", **options: Any
) -> "SequenceModel":
    """A model whose weights are set by hand, so that it labels a language right at any length.

    Args:
        mixer: one of `fwp.constructions.mixers_with_constructions()`.
        language: its name, or what `fwp.languages.get` returns for one with parameters.
        dtype: float32 or float64.
        options: of the mixer, such as `allow_neg_eigval=True`.

    Raises:
        ValueError: no construction is known; the message says why.
    """
    from fwp import languages
    from fwp.constructions import construct
    from fwp.constructions.build import built

    known = languages.get(language) if isinstance(language, str) else language
    return built(construct(mixer, known, options), known, dtype)


def build_model(
    mixer: str | Callable[..., object],
    dataset: Dataset | TextDataset,
    *,
    seed: int = 0,
    dtype: str = "float32",
    **settings: Any,
) -> "SequenceModel":
    """A model with a mixer, for the symbols and classes of a dataset.

    Args:
        mixer: one of `fwp.mixers.names()`, `module:Class` or `fla.Class`; or a class of modules, or
            a function that builds one, which is taken as it is or as `adapt` makes it a mixer.
        dataset: whose alphabet and classes decide the sizes of embedding and readout.
        seed: decides the initial weights, and nothing else.
        dtype: float32 or float64.
        settings: hidden, layers, feed_forward, wiring, parameters and dropout, as under `model` in
            a config and with its defaults; and options of the mixer, such as `heads=4`.

    Raises:
        ValueError: there is no such mixer, or it has no such option.
    """
    from fwp.mixers import _adapt
    from fwp.models import sequence_model
    from fwp.models.budget import solve_size

    if isinstance(mixer, str):
        signature = read_signature(mixer, [Path()])
        name = signature.name(mixer)
    else:
        kind = _adapt.as_mixer(mixer)
        signature, name = signature_of(kind), _adapt.named(kind)
    if problems := list(options(signature, settings, "settings", MODEL_KEYS[1:])):
        raise ConfigError(problems, "the model")
    own = solve_size(model_settings(name, **settings), len(dataset.alphabet), len(dataset.classes))
    return sequence_model.build_model(own, dataset, seed=seed, dtype=dtype)


def check(
    mixer: str | Callable[..., object],
    *,
    hidden: int = 16,
    device: str = "cpu",
    learn: bool | int = False,
    **options: Any,
) -> "list[Finding]":
    """Try a mixer in the properties that each must have; `fwp check` prints the same.

    Args:
        mixer: one of `fwp.mixers.names()`, `module:Class`, `fla.Class`; or a class of modules, or a
            function that builds one, as for `build_model`.
        hidden: its width.
        device: cpu or cuda.
        learn: whether a model of one layer is also trained on parity: True for some seconds, a
            number for so many steps at most.
        options: of the mixer, such as `heads=2`.

    Returns:
        One finding per property: name, verdict and what was found. The verdict on what must hold
        is ok, fails or skipped. Where it is "is so", the finding says what the mixer is like:
        parameters, size of the state, eigenvalues of the transition, steps to learn parity.

    Raises:
        ValueError: there is no such mixer, or it has no such option, or cannot be built.
    """
    from fwp.models import check as checking

    return checking.check(
        mixer, hidden=hidden, device=device, folders=[Path()], learn=learn, **options
    )


def train(
    models: "SequenceModel | Sequence[SequenceModel]",
    dataset: Dataset | TextDataset,
    *,
    seeds: Sequence[int] | None = None,
    device: str = "cpu",
    threads: int | None = 1,
    **settings: Any,
) -> "Run | list[Run]":
    """Train a model, or several of one shape as one pack; they keep the best epoch's weights.

    Args:
        models: one model, or several.
        dataset: strings to train on and to select by.
        seeds: of each model, the seed that decides the order of the strings; 0, 1, … by default.
        device: cpu or cuda.
        threads: CPU threads meanwhile; None for as many as PyTorch takes by itself. More than one
            slows small models down where other programs run, and helps models of some hundred
            units.
        settings: epochs, batch_size, learning_rate and so on, the keys of `training` in a config.

    Returns:
        What training left behind (status, epochs, history, best epoch); a list for several models.
    """
    from fwp.training import train as training
    from fwp.utils import devices

    several = isinstance(models, Sequence)
    pack = list(models) if several else [models]
    own, seeds = training_settings(**settings), seeds or range(len(pack))
    with devices.threads(threads):
        runs = training.train(pack, dataset, own, seeds=seeds, device=device)
    return runs if several else runs[0]


def evaluate(
    models: "SequenceModel | Sequence[SequenceModel]",
    dataset: Dataset | TextDataset,
    *,
    device: str = "cpu",
    threads: int | None = 1,
) -> "pd.DataFrame":
    """Accuracy on the test strings: a row per bin (no `length`) and per length within it.

    Of a text, the loss on its test part: a row per range of positions.

    Args:
        models: one model, or several of one shape.
        dataset: whose test strings are read.
        device: cpu or cuda.
        threads: as for `train`.

    Returns:
        Columns bin, length, strings, sequence_accuracy and position_accuracy in [0, 1]. Of a text:
        first and last position, tokens, bytes, nats per token, accuracy, and ideal, the nats of
        the true source. For several models `model`, their place in the list, comes first.
    """
    import pandas as pd

    from fwp.training import evaluate as evaluation
    from fwp.utils import devices

    several = isinstance(models, Sequence)
    with devices.threads(threads):
        rows = evaluation.evaluate(list(models) if several else [models], dataset, device=device)
    whole = {} if isinstance(dataset, TextDataset) else {"length": "Int64"}
    frames = [pd.DataFrame(own).astype(whole) for own in rows]
    if not several:
        return frames[0]
    return pd.concat(dict(enumerate(frames)), names=["model"]).reset_index("model")


def load_results(folder: str | Path = "results") -> "ExperimentResults":
    """The tidy tables of a finished experiment, as data frames, and its trained models.

        results = fwp.load_results("results")
        results.accuracy                          # per seed × bin, and per seed × length
        cell = results.cell("parity", "deltanet")
        model = cell.model(seed=0)                # ready to call
        cell.predict(0, "0110")                   # what it says at every position

    Args:
        folder: the experiment's results, or its folder `tables`.

    Returns:
        accuracy (per seed × bin and per seed × length), history (per seed × epoch, and per
        measurement within it if `validate_every` asks for some) and runs. Other frames are read
        when they are asked for: summary, settings, provenance, mistakes, claims, search, text,
        text_history, text_runs and translation. `cell(task, model)` is one cell.

    Raises:
        ResultsError: a table is missing or damaged.
    """
    from fwp.analysis import results

    return results.load_results(folder)


def compare(
    a: "str | Path | ExperimentResults", b: "str | Path | ExperimentResults"
) -> "Comparison":
    """Where two experiments differ, and whether seeds explain it; `fwp compare` prints the same.

    Args:
        a: a folder of results, or what `load_results` returned.
        b: another one.

    Returns:
        Frames: cells (every cell and bin, with means, difference, p-value and verdict), differing
        (those that are not equal), only, claims, settings, made (code, data, machines, versions);
        and identical, headline, method and `to_dict()`.

    Raises:
        ResultsError: a table or record is missing or damaged.
    """
    from fwp.analysis import comparison

    return comparison.compare_results(a, b)


def show_mistake(mistake: "Mapping[str, Any] | pd.Series") -> str:
    """A row of `results.mistakes` as text: string, right and predicted classes, one above another.

    A mark stands below the first wrong position.
    """
    from fwp.results.mistakes import aligned

    return aligned(dict(mistake))


def load_status(*configs: str | Path, slurm: bool = False) -> "Status":
    """How far an experiment is, as `fwp status` shows it.

    Args:
        configs: one file, or several of which later ones override earlier ones; by default
            config.yaml.
        slurm: whether to ask squeue, if the run is on Slurm; it may take two seconds.

    Returns:
        Jobs with their runs, searches, failures and the time left; `as_dict()` is ready for JSON.

    Raises:
        ConfigError: there is something wrong with the config.
    """
    from fwp.status.snapshot import Watcher

    return Watcher(load_experiment(*(configs or ("config.yaml",))), slurm=slurm).look()


def load_model(
    folder: str | Path, seed: int, dataset: Dataset | TextDataset | str | Path
) -> "SequenceModel":
    """A trained model of a cell.

    Args:
        folder: of the seeds that one job trained, such as results/cells/parity/lstm/seeds-0-2.
        seed: which of them.
        dataset: of its task, or the file of one, such as results/data/parity/test.npz.

    Raises:
        ResultsError, WeightsError, DatasetError: a file is missing or damaged.
    """
    from fwp.experiment.cell import TrainedCell
    from fwp.models.weights import load_trained_model
    from fwp.results.record import read_record, weights_hash
    from fwp.training.kind import load_evaluation

    record = read_record(Path(folder) / "cell.json")
    cell = TrainedCell.from_dict(record["config"])
    data = dataset
    if isinstance(data, str | Path):
        data = load_evaluation(cell.task).load(data, cell.task)
    path = Path(folder) / "model.safetensors"
    return load_trained_model(
        cell.model, data, path, seed=seed, dtype=cell.dtype, sha256=weights_hash(record)
    )
