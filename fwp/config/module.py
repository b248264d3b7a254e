"""The config of a workflow that uses this one as a module (`module fwp: …`).

Snakemake has read it by YAML 1.1, to which 1e-3 is a text. What its command line changes in a part
of the config comes as texts, too.
"""

import re
from typing import Any

from fwp.config.messages import ConfigError

EXPONENT = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)[eE][-+]?[0-9]+")
OF_MODULE = 1  # Snakemake's number for pathvars that the statement `module` or its config gives


def config_of(modifier: Any, whole: Any, changes: dict) -> tuple[dict, dict]:
    """The config of the module, as this project's YAML has it, and what is changed in it.

    A pathvar `results` of the module counts as that key of its config.

    Args:
        modifier: what Snakemake knows of the statement `module`.
        whole: the config of the workflow with that statement.
        changes: what its command line says (`--config`), with texts for values.

    Returns:
        (config, changes of it)

    Raises:
        ConfigError: the module has a prefix.
    """
    config, paths = modifier.globals["config"], modifier.path_modifier
    if paths.prefix or getattr(paths, "_prefix_replacements", None):
        raise ConfigError(
            ["prefix, replace_prefix: scripts read and write in the folder `results`; give that"],
            "the module",
        )
    own: dict = {}
    if config is whole:
        own = changes
    elif isinstance(whole, dict):
        parts = [key for key, part in whole.items() if part is config and config]
        own = next((changes[key] for key in parts if isinstance(changes.get(key), dict)), {})
    read = _read(config)
    if modifier.pathvars.level["results"] == OF_MODULE:
        read["results"] = modifier.pathvars.get("results")
    read.pop("pathvars", None)  # Snakemake's own
    read.pop("set", None)  # one of the changes, which Snakemake has put in already, as texts
    return read, dict(own)


def _read(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _read(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_read(entry) for entry in value]
    if isinstance(value, str) and EXPONENT.fullmatch(value):
        return float(value)
    return value
