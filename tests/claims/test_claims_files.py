"""Reading files of claims."""

import pytest
import yaml

from fwp.claims.claim import Criterion, locate, read_claims
from fwp.config.messages import ConfigError
from fwp.experiment.experiment import load_experiment

CRITERION = {"models": "m", "tasks": "t", "statistic": "success_rate", "at_least": 0.5}


def write(path, criterion=None, **claim):
    claim = {
        "text": "It works.",
        "criteria": [CRITERION if criterion is None else criterion],
    } | claim
    path.write_text(yaml.safe_dump({"claims": {"it-works": claim}}))
    return path


@pytest.mark.parametrize(
    "config",
    [
        "config.yaml",
        *(
            f"workflow/presets/{preset}.yaml"
            for preset in (
                "algorithmic",
                "atlas",
                "bhattamishra_full",
                "groups",
                "lie_depth",
                "state_tracking",
                "text",
            )
        ),
    ],
)
def test_claims_are_about_the_experiment_that_names_them(config):
    found = load_experiment(config)
    every = read_claims(found.claims)
    assert len(every) >= 4 and all(one.source and one.text for one in every)
    for one in every:
        for criterion in one.criteria:
            assert set(criterion.models) <= {*found.models, "*"}, one.name
            assert set(criterion.tasks) <= {*found.tasks, "*"}, one.name
            assert {criterion.than, criterion.more_than} <= {*found.models, None}, one.name


def test_defaults_and_short_forms(tmp_path):
    (claim,) = read_claims([write(tmp_path / "c.yaml")])
    assert (claim.name, claim.text, claim.source) == ("it-works", "It works.", "")
    assert claim.confidence == 0.95
    assert claim.criteria == (Criterion(("m",), ("t",), (1,), "success_rate", at_least=0.5),)


def test_lists_of_bins_by_number_and_by_lengths(tmp_path):
    (claim,) = read_claims([write(tmp_path / "c.yaml", CRITERION | {"bin": [0, "51-100"]})])
    assert claim.criteria[0].bins == (0, "51-100")


def test_losses_have_positions_and_scores_a_decoding(tmp_path):
    given = {"models": "m", "tasks": "*", "statistic": "bits_per_byte", "lower_than": "b"}
    (claim,) = read_claims([write(tmp_path / "c.yaml", given)])
    (criterion,) = claim.criteria
    assert (criterion.bins, criterion.places, criterion.margin) == ((), ("context",), 0)
    positions = ["beyond", "257-512"]
    (claim,) = read_claims([write(tmp_path / "c.yaml", given | {"positions": positions})])
    assert claim.criteria[0].places == ("beyond", "257-512")
    (claim,) = read_claims([write(tmp_path / "c.yaml", given | {"statistic": "bleu"})])
    assert claim.criteria[0].places == ("beam",)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"statistic": "mode"}, "criteria[0].statistic: must be one of median, best, success_rate"),
        ({"at_least": 90}, "criteria[0].at_least: must be at most 1, got 90"),
        ({"below": 0.5}, "criteria[0]: must have exactly one of at_least, below and more_than"),
        ({"bin": "long"}, "criteria[0].bin: must be lengths such as 51-100"),
        ({"modles": "m"}, "criteria[0].modles: unknown key (did you mean 'models'?)"),
        ({"statistic": "best", "accuracy": 0.9}, "accuracy: only with statistic: success_rate"),
        ({"statistic": "bleu", "bin": 1}, "bin: only with statistic: median, best, success_rate"),
        ({"positions": "all"}, "positions: only with statistic: bits_per_byte, nats_per_token"),
        ({"statistic": "excess", "positions": "9-3"}, "positions: must begin before they end, got"),
        (
            {"statistic": "excess", "positions": "short"},
            "must be context, beyond, all, positions s",
        ),
        ({"statistic": "excess", "decoding": "beam"}, "decoding: only with statistic: bleu, chrf"),
        ({"statistic": "excess", "margin": 1}, "margin: only with lower_than or higher_than"),
        ({"statistic": "excess", "lower_than": "b"}, "or of lower_than and higher_than for texts"),
        (
            {"groups": "Counters"},
            'groups: only with tasks: "*"',
        ),
        (
            {"share_at_least": 0.5, "share_below": 0.9},
            "share_below: not with share_at_least",
        ),
        (
            {"statistic": "median", "further_than": "b"},
            "must have exactly one of at_least, below and more_than",
        ),
    ],
)
def test_mistakes_are_named(tmp_path, change, message):
    path = write(tmp_path / "c.yaml", CRITERION | change)
    with pytest.raises(ConfigError) as error:
        read_claims([path])
    assert message in str(error.value) and str(path) in str(error.value)


def test_a_criterion_needs_something_to_compare_with(tmp_path):
    criterion = {key: value for key, value in CRITERION.items() if key != "at_least"}
    with pytest.raises(ConfigError, match="must have exactly one of at_least, below and more_than"):
        read_claims([write(tmp_path / "c.yaml", criterion)])


def test_names_are_used_once(tmp_path):
    paths = [write(tmp_path / "a.yaml"), write(tmp_path / "b.yaml")]
    with pytest.raises(ConfigError, match=r"b\.yaml.*\n.*it-works: is in two of the files"):
        read_claims(paths)


def test_files_are_found_by_name_or_beside_the_config(tmp_path):
    mine = write(tmp_path / "mine.yaml")
    assert locate("irie2023").name == "irie2023.yaml"
    assert locate("mine.yaml", [tmp_path]) == mine
    with pytest.raises(ConfigError, match=r"must be one of .*irie2023.*did you mean 'irie2023'"):
        locate("irie2032")


def test_the_config_names_every_mistake_in_its_claims(tmp_path):
    write(tmp_path / "mine.yaml", CRITERION | {"statistic": "mode"})
    (tmp_path / "c.yaml").write_text(
        "models: {lstm: {mixer: lstm}}\ntasks: {p: {language: parity}}\n"
        "claims: [irie2023, none, mine.yaml]\n"
    )
    with pytest.raises(ConfigError) as error:
        load_experiment(tmp_path / "c.yaml")
    assert "claims[1]: must be one of" in str(error.value)
    assert "mine.yaml: claims.it-works.criteria[0].statistic: must be" in str(error.value)
