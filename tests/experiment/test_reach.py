"""Which results an edit of a file touches, for every file of the package.

Mixers, ops, layers and languages are placed by rules, all other files by `PLACES`. A file that is
added must be placed too, so that an import in the wrong place cannot rerun what it should not.
"""

from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest

import fwp
from fwp import languages, mixers
from fwp.experiment.fingerprint import ROOTS, files

PACKAGE = Path(fwp.__file__).parent
FILES = sorted(
    path.relative_to(PACKAGE).as_posix()
    for path in PACKAGE.rglob("*")
    if path.is_file() and path.suffix != ".pyc"
)
MODELS = "train evaluate trace automaton control"  # whatever runs a model
KINDS = (
    "strings",
    "text",
    "translation",
)  # of tasks; an edit for one touches cells of that kind alone

WRITTEN = "text_data text_test_data translation_data translation_test_data"
HALVES = "recognition_data recognition_test_data"  # strings of a language, and others
OWN = "files_data files_test_data"  # strings from files of the user's own

# Kimi Delta Attention and its descendants.
KIMI = (
    "erase_then_delta gated_deltanet2 kimi_delta momentum_deltanet oja preconditioned_delta q_delta"
)
# Memories that only fade, or whose fading is learnt beside another rule.
FADING = "gla mamba2 mamba3 mesanet retnet"
# Mixers that use an op or a layer, beside that of the same name.
OPS = {
    "delta_rnn": "delta_rnn",
    "delta_rule": "delta_rnn deltanet deltaproduct gated_deltanet",
    "elementwise_lstm": "elstm rtrl",
    "elman": "elman",
    "gated_delta_rule": "deltaproduct gated_deltanet",
    "gated_elementwise_lstm": "elstm rtrl",
    "generalised_delta_rule": f"deltanet deltaproduct gated_deltanet {KIMI} {FADING} mlstm rwkv7",
    "gru": "gru",
    "linear_attention": "linear_transformer",
    "lstm": "lstm",
    "m2rnn": "m2rnn",
    "mlstm": "mlstm",
    "momentum_delta_rule": "momentum_deltanet",
    "oja_rule": "oja",
    "recurrent_delta_rule": "recurrent_delta",
    "selective_scan": "lru s5 selective_ssm",
    "self_reference": "srwm",
    "slstm": "slstm",
}
MAPPED = "deltanet linear_transformer retrieval"
GATED = f"deltanet deltaproduct gated_deltanet {KIMI}"
LAYERS = {
    **dict.fromkeys(("dropout", "embedding", "feed_forward", "layer_norm", "linear"), MODELS),
    "causal_attention": "transformer",
    "cross_entropy": "auxiliary bptt rtrl tbptt",
    "feature_maps": MAPPED,
    **dict.fromkeys(
        ("elu_plus_one", "sum_normalise"), f"{MAPPED} delta_rnn deltaproduct gated_deltanet"
    ),
    "initialisation": "deltanet linear_transformer mlstm recurrent_delta slstm srwm",
    "input_decay": f"deltaproduct gated_deltanet {KIMI} m2rnn",
    "rms_norm": f"{GATED} {FADING} m2rnn",
    "short_convolution": f"{GATED} m2rnn mamba2 mesanet selective_ssm",
    "signed_gate": KIMI,
    "sizes": "erase_then_delta gla lru m2rnn mamba2 mamba3 s5",
    "silu_l2": f"{MAPPED} deltaproduct gated_deltanet {KIMI} mesanet",
    "positions": "transformer",
    "step_size": f"deltaproduct gated_deltanet {KIMI} m2rnn mamba2 mamba3 selective_ssm",
    "rotary": "retnet transformer",
    "split": "delta_rnn deltanet elstm gla linear_transformer recurrent_delta rtrl transformer",
}
# Mixers and gradients that build on another mixer.
HEIRS = {"deltaproduct": "gated_deltanet", "elstm": "rtrl", "kimi_delta": KIMI}
SHOWING = (
    "tables text_tables claims figures text_figures report states automata error_control "
    "retrieval_report search_tables search_figures"
)
SHARED = {
    "_recurrent": "elman gru lstm",
    "_fla": "",
    "_adapt": "",
    **dict.fromkeys(("_bases", "_signature", "_shape", "_facts", "_option"), SHOWING),
}
# Modules of languages that build on another module, and their own languages with them.
BASES = {
    "_patterns": "regex star_free tomita flare_regular",
    **dict.fromkeys(
        ("_paths", "automaton"),
        "automaton_file counter_machine dfa dyck_k regex star_free subregular tomita flare_regular",
    ),
    "_pieces": "subregular",
    **dict.fromkeys(("_att", "_dot", "_nfa"), "automaton_file"),
    "dyck": "dyck_k reset_dyck shuffle",
    "_brackets": "dyck_k shuffle",
    "_trees": "listops",
    "regex": "star_free tomita flare_regular",
    "arithmetic": "equation",
    "transduction": "binary_transduction selective_copying",
    "mqar": "fuzzy_recall in_context_recall mqar_variants selective_copying",
    "word_problem": "rotation",
    "_groups": "rotation word_problem",
    "tracking": (
        "arithmetic navigation transduction word_problem answered binary_transduction duplicate "
        "equation flare_stack_manipulation memorisation palindrome rotation selective_copying"
    ),
}
COUNTED = ("_paths", "automaton")  # count the strings outside a language

# Results, and the files of which an edit touches just these; "" is for none.
PLACES = {
    "": (
        "__main__.py api.py benchmarks/* claims/library/* claims/schema.yaml cli.py commands/* "
        "constructions/* "
        "config/module.py config/schema.yaml experiment/experiment.py experiment/fingerprint.py "
        "experiment/params.py experiment/selection.py "
        "experiment/copies.py experiment/duration.py experiment/measured.py experiment/speeds.py "
        "experiment/syntax.py experiment/work.py "
        "experiment/colours.py experiment/known_languages.py experiment/names.py "
        "experiment/resolve.py experiment/resources.py "
        "experiment/seed_groups.py experiment/validate.py experiment/validate_models.py "
        "experiment/validate_results.py experiment/validate_search.py "
        "experiment/validate_space.py experiment/validate_tasks.py experiment/validate_texts.py "
        "experiment/validate_files.py datasets/files/check.py datasets/files/made.py "
        "datasets/files/windows.py experiment/learners.py metalearning/grid.py pomdp/grid.py "
        "pomdp/gym.py "
        "datasets/make.py datasets/made.py datasets/text/made.py datasets/text/check.py "
        "datasets/text/pair_check.py "
        "datasets/text/sources.py datasets/text/windows.py "
        "kernels/c_cache.py "
        "languages/_properties.py models/check.py search/configured.py models/eigenvalues.py "
        "models/facts.py models/learning.py models/subject.py "
        "models/contract.py models/properties.py py.typed report/templates/* "
        "results/integrity.py results/comparison.py results/permutation.py "
        "results/settings.py analysis/cell.py analysis/comparison.py analysis/export.py "
        "analysis/results.py "
        "status/* training/machine.py training/sized.py utils/checkout.py utils/devices.py "
        "utils/gpus.py utils/imports.py utils/installed.py utils/locks.py utils/mps.py "
        "utils/signals.py utils/suggest.py"
    ),
    "trace automaton control": "analysis/__init__.py",
    "automaton": "analysis/automata.py",
    "automaton control": "languages/_machine.py",
    "control": (
        "analysis/affine.py analysis/control.py analysis/error_control.py analysis/movement.py "
        "analysis/reading.py"
    ),
    "error_control": (
        "report/figures/error_control.py report/tables/error_control.py results/horizon.py"
    ),
    "trace": "analysis/traces.py",
    "claims report": (
        "claims/__init__.py claims/claim.py claims/evidence.py claims/judge.py claims/means.py "
        "claims/reach.py claims/searched.py claims/shares.py claims/sides.py claims/texts.py "
        "claims/verdicts.py "
        "config/changes.py config/loading.py config/messages.py config/parsing.py config/schema.py "
        "report/tables/claims.py report/tables/evidence.py"
    ),
    "train evaluate trace automaton control claims report": "config/__init__.py",
    "train evaluate trace automaton control": (
        "config/settings.py experiment/__init__.py experiment/cell.py "
        "kernels/matmul.h kernels/norm.h kernels/rows.py "
        "kernels/aside.py kernels/precision.py kernels/triton_matmul.py "
        "models/__init__.py models/block.py "
        "models/sequence_model.py models/weights.py training/__init__.py "
        "training/batches.py"
    ),
    (
        f"data test_data {HALVES} {OWN} {WRITTEN} train evaluate trace automaton control tables "
        "figures report states"
    ): "datasets/__init__.py",
    "test_data": "datasets/card.py",
    "tables figures report states": "datasets/card_reader.py",
    (
        f"data test_data {HALVES} {OWN} {WRITTEN} train evaluate trace automaton control"
    ): "datasets/spec.py",
    (
        f"data test_data {HALVES} {OWN} {WRITTEN} strings text translation trace automaton control "
        "auxiliary"
    ): "datasets/dataset.py",
    OWN: (
        "datasets/files/benchmarks.py datasets/files/bins.py datasets/files/build.py "
        "datasets/files/formats.py datasets/files/parts.py "
        "datasets/files/reading.py datasets/files/source.py datasets/files/tables.py"
    ),
    "files_test_data recognition_test_data": "datasets/files/card.py",
    f"{OWN} recognition_test_data": "datasets/files/__init__.py",
    f"text translation {WRITTEN}": "datasets/text/__init__.py datasets/text/archive.py",
    "text text_data text_test_data": "datasets/text/dataset.py",
    "text_data text_test_data": (
        "datasets/text/drawn/* datasets/text/build.py datasets/text/corpus.py "
        "datasets/text/generators.py datasets/text/packages.py"
    ),
    f"translation {WRITTEN}": (
        "datasets/text/bpe.py datasets/text/files.py datasets/text/tokenizer.py "
        "datasets/text/vocabulary.py datasets/text/word_tokens.py datasets/text/words.py "
        "datasets/text/zstd.py"
    ),
    WRITTEN: "datasets/text/verses.py",
    "text_test_data": "datasets/text/card.py datasets/text/overlap.py",
    "translation_data translation_test_data": (
        "datasets/text/bibles.py datasets/text/build_pairs.py datasets/text/catalogues.py "
        "datasets/text/libreoffice_help.py datasets/text/pair_split.py datasets/text/pairs.py "
        "datasets/text/parallel.py"
    ),
    "translation_test_data": "datasets/text/card_pairs.py",
    "translation translation_data translation_test_data": (
        "datasets/text/pair.py datasets/text/pair_dataset.py"
    ),
    "text": "models/window.py training/evaluation/text.py training/kinds/text.py",
    "text translation": "training/windows.py models/state_size.py",
    "translation": (
        "training/decoding.py training/evaluation/bleu.py training/evaluation/translation.py "
        "training/kinds/translation.py training/pairs.py"
    ),
    "strings": (
        "training/errors/* training/evaluation/strings.py training/evaluator.py "
        "training/kinds/strings.py training/mistakes.py"
    ),
    "strings text translation": "training/evaluation/__init__.py training/kinds/__init__.py",
    f"data test_data {HALVES}": "datasets/pools.py datasets/sampling.py",
    HALVES: (
        "datasets/recognition/build.py datasets/recognition/edits.py "
        "datasets/recognition/outside.py"
    ),
    f"{HALVES} auxiliary automaton": (
        "datasets/recognition/__init__.py datasets/recognition/task.py"
    ),
    "recognition_test_data": "datasets/recognition/card.py",
    "train evaluate trace automaton control retrieval": (
        "kernels/__init__.py kernels/backend.py kernels/c_compiler.py kernels/c_kernel.py "
        "kernels/native.h kernels/op.py kernels/packed.py kernels/plan.py kernels/registry.py "
        "kernels/shapes.py kernels/tensors.py kernels/threads.* kernels/triton_support.py "
        "kernels/triton_vectors.py kernels/vmap.py nn/__init__.py utils/denormals.py"
    ),
    "m2rnn recurrent_delta slstm": "kernels/feedback.h",
    "elman gru": "kernels/triton_recurrent.py",
    "lru s5": "ops/complex_scan.py",
    FADING: "ops/gated_linear_attention.py",
    (
        f"delta_rnn deltanet deltaproduct gated_deltanet {KIMI} linear_transformer mlstm "
        f"recurrent_delta rwkv7 slstm srwm transformer {FADING} m2rnn"
    ): "kernels/recurrence.py",
    "delta_rnn deltanet deltaproduct gated_deltanet linear_transformer": (
        "kernels/chunks.py kernels/rules.h kernels/triton_chunk_kernels.py "
        "kernels/triton_chunked.py kernels/triton_features.py"
    ),
    (
        "delta_rnn deltanet deltaproduct gated_deltanet linear_transformer recurrent_delta"
    ): "kernels/narrow.py",
    (
        "delta_rnn deltanet deltaproduct gated_deltanet linear_transformer recurrent_delta "
        "retrieval"
    ): "kernels/runs.h",
    "recurrent_delta": "kernels/narrow_feedback.h",
    (
        f"delta_rnn deltanet deltaproduct gated_deltanet {KIMI} linear_transformer mlstm "
        f"recurrent_delta rwkv7 slstm srwm {FADING} m2rnn"
    ): "kernels/state.h",
    (
        "delta_rnn deltanet deltaproduct gated_deltanet linear_transformer m2rnn recurrent_delta "
        "slstm srwm"
    ): "kernels/triton_math.py",
    (
        f"retrieval delta_rnn deltanet deltaproduct elman elstm gated_deltanet gru {KIMI} "
        f"linear_transformer lstm mlstm recurrent_delta rtrl rwkv7 srwm {FADING}"
    ): "kernels/triton_tiles.py",
    "train evaluate": ("kernels/triton_compile.py models/pack.py training/kind.py"),
    (
        f"delta_rnn deltanet deltaproduct elman elstm gated_deltanet gru {KIMI} "
        "linear_transformer lstm mlstm recurrent_delta rtrl rwkv7 selective_ssm slstm srwm lru s5 "
        f"m2rnn {FADING}"
    ): "ops/__init__.py",
    "automata": "report/figures/automaton.py",
    "automata error_control": "report/tables/automata.py",
    "figures": (
        "report/figures/heatmap.py report/figures/learning.py report/figures/length.py "
        "report/figures/strip.py report/figures/solved.py report/figures/write.py"
    ),
    "states": ("report/figures/recall.py report/figures/states.py report/tables/states.py"),
    "text_figures states": "report/figures/losses.py report/figures/state_size.py",
    "search_figures": "report/figures/best_of.py report/figures/search.py report/figures/trials.py",
    "search_tables report": "report/tables/search.py",
    "report search_tables search_figures": (
        "report/search_words.py results/trial_statistics.py results/trials.py"
    ),
    "report": (
        "report/explorer/* report/overview.py report/page.py report/figure_names.py "
        "report/findings.py "
        "report/made.py report/picture.py report/rule_graph.py report/stages.py report/texts.py "
        "results/mistakes.py"
    ),
    "figures report": "results/lengths.py",
    "tables report": "report/tables/datasets.py report/tables/sections.py",
    "tables": "report/tables/summary.py",
    (
        "collect summarise tables claims figures atlas report states search_tables search_figures"
    ): "results/collect.py",
    "atlas": "report/figures/atlas.py",
    "atlas report": "report/tables/atlas.py results/atlas.py",
    "summarise tables claims figures report": "results/pairwise.py",
    "summarise tables figures report": "results/summary.py results/training_cost.py",
    "retrieval retrieval_report": "retrieval/__init__.py",
    "retrieval": "retrieval/data.py retrieval/memory.py retrieval/training.py",
    "pomdp pomdp_report": "pomdp/__init__.py",
    "pomdp": (
        "pomdp/episodes.py pomdp/language_world.py pomdp/learning.py pomdp/match.py "
        "pomdp/t_maze.py pomdp/world.py pomdp/worlds.py"
    ),
    "pomdp_report": "pomdp/published.py pomdp/report.py",
    "retrieval_report": "retrieval/grid.py retrieval/published.py retrieval/report.py",
    "metalearning metalearning_report": "metalearning/__init__.py",
    "metalearning": (
        "metalearning/episodes.py metalearning/families.py metalearning/images.py "
        "metalearning/measures.py metalearning/model.py metalearning/streams.py "
        "metalearning/tasks.py metalearning/training.py"
    ),
    "metalearning_report": "metalearning/figure.py metalearning/job.py metalearning/report.py",
    "train": (
        "training/adam.py training/clipping.py training/cuda_graphs.py "
        "training/curriculum.py training/gradient.py training/history.py "
        "training/pack_settings.py training/run.py "
        "training/schedule.py training/selection.py training/state.py "
        "training/step.py training/train.py training/trainer.py training/triton_batches.py "
        "training/update/* training/upload.py"
    ),
    "search": (
        "models/budget.py search/__init__.py search/sampling.py search/seeds.py "
        "search/settings.py search/space.py training/checkpoint.py training/search.py "
        "training/trial_run.py training/trials.py"
    ),
    "bptt": "training/bptt.py",
    "auxiliary bptt tbptt": "training/readout.py",
    "auxiliary": "training/auxiliary.py",
    "evaluate": "training/evaluate.py",
    "rtrl": "training/rtrl.py",
    "tbptt": "training/tbptt.py",
    (
        f"data test_data {HALVES} {OWN} {WRITTEN} "
        "train evaluate trace automaton control collect collect_text summarise tables text_tables "
        "claims figures text_figures report states automata error_control retrieval "
        "retrieval_report "
        "search_tables search_figures"
    ): "__init__.py utils/__init__.py",
    (
        f"data test_data {HALVES} automaton control tables text_tables claims figures "
        "text_figures report "
        "states automata error_control retrieval_report search_tables search_figures pomdp "
        "auxiliary"
    ): (
        "languages/__init__.py languages/_checks.py languages/_labeller.py "
        "languages/_own.py languages/base.py utils/source.py"
    ),
    (
        "tables text_tables claims figures text_figures report states automata error_control "
        "retrieval_report search_tables search_figures"
    ): "languages/_title.py report/__init__.py report/labels.py",
    (
        "train evaluate trace automaton control tables text_tables claims figures text_figures "
        "report states automata error_control retrieval_report search_tables search_figures"
    ): "mixers/__init__.py",
    "figures text_figures states automata error_control retrieval_report search_figures": (
        "report/figures/__init__.py report/figures/layout.py report/figures/style.py"
    ),
    "figures text_figures states error_control retrieval_report search_figures": (
        "report/figures/apart.py report/figures/lines.py"
    ),
    "tables text_tables claims report search_tables": "report/html.py",
    "tables text_tables claims figures report search_tables": "report/shades.py",
    (
        "tables text_tables claims report states automata error_control retrieval_report "
        "search_tables"
    ): ("report/tables/__init__.py report/tables/grid.py report/tables/markdown.py"),
    "tables text_tables report search_tables": "report/tables/marks.py report/tables/latex.py",
    (
        "collect collect_text summarise tables text_tables claims figures text_figures "
        "report states automata error_control retrieval_report search search_tables search_figures"
    ): "results/__init__.py",
    (
        "collect collect_text summarise tables text_tables claims figures text_figures "
        "report states search_tables search_figures"
    ): "results/cells.py",
    (
        "collect collect_text summarise tables text_tables claims figures text_figures "
        "report states error_control search_tables search_figures"
    ): "results/frames.py results/record.py",
    "collect collect_text tables figures text_figures report search_figures": (
        "results/heartbeat.py results/job_state.py results/unfinished.py results/scores.py"
    ),
    (
        "collect collect_text tables text_tables claims figures text_figures report "
        "states automata error_control retrieval_report search_tables search_figures"
    ): "results/names.py",
    (
        "summarise tables text_tables claims figures text_figures report states "
        "search_tables search_figures atlas"
    ): "results/statistics.py",
    (
        "collect collect_text summarise tables text_tables claims figures text_figures "
        "report states search search_tables search_figures atlas"
    ): "results/chosen.py",
    (
        f"data test_data {HALVES} {OWN} {WRITTEN} "
        "train trace automaton control collect collect_text summarise tables text_tables claims "
        "figures text_figures report states automata error_control retrieval_report search_tables "
        "search_figures text translation strings"
    ): "utils/bins.py",
    (
        f"{HALVES} {OWN} collect collect_text summarise tables text_tables claims figures "
        "text_figures report states automata error_control retrieval_report search_tables "
        "search_figures"
    ): "utils/named_bins.py",
    (
        f"data test_data {HALVES} {OWN} {WRITTEN} "
        "train evaluate trace automaton control collect collect_text summarise tables text_tables "
        "claims figures text_figures report states automata error_control retrieval_report "
        "search_tables search_figures"
    ): "utils/files.py",
    (
        f"data test_data {HALVES} {OWN} translation_data translation_test_data train evaluate "
        "trace automaton control tables text_tables claims figures text_figures report states "
        "automata error_control "
        "retrieval_report search_tables search_figures"
    ): "utils/targets.py",
    "text_figures": (
        "report/figures/bleu.py report/figures/position.py report/figures/text_learning.py "
        "report/figures/texts.py"
    ),
    "text_tables report": (
        "report/tables/columns.py report/tables/numbers.py report/tables/text.py "
        "report/tables/translation.py"
    ),
    "claims search_figures": "results/every_run.py",
    "collect_text text_tables report": "results/samples.py",
    "collect_text text_tables claims text_figures report search_figures": (
        "results/text.py results/text_frames.py"
    ),
    "text_tables text_figures report states": "results/text_facts.py",
    "text_tables text_figures report": ("results/text_measures.py results/text_summary.py"),
    (
        "collect collect_text tables text_tables claims figures text_figures atlas report "
        "search_figures"
    ): "results/text_kinds.py",
}

# What experiments of their own use of the files above.
ALSO = {
    "pomdp_report": (
        "claims/__init__.py claims/means.py claims/sides.py results/frames.py results/pairwise.py "
        "results/record.py results/statistics.py"
    ),
    "metalearning": (
        "__init__.py config/__init__.py config/settings.py kernels/__init__.py kernels/aside.py "
        "kernels/backend.py kernels/c_compiler.py kernels/c_kernel.py kernels/matmul.h "
        "kernels/native.h kernels/norm.h kernels/op.py kernels/packed.py kernels/plan.py "
        "kernels/precision.py kernels/registry.py kernels/rows.py kernels/shapes.py "
        "kernels/tensors.py kernels/threads.* kernels/triton_matmul.py kernels/triton_support.py "
        "kernels/triton_vectors.py kernels/vmap.py mixers/__init__.py models/__init__.py "
        "models/block.py models/sequence_model.py nn/__init__.py nn/dropout/* nn/embedding/* "
        "nn/feed_forward/* nn/layer_norm/* nn/linear/* training/__init__.py training/schedule.py "
        "utils/__init__.py utils/denormals.py"
    ),
    "metalearning_report": (
        "__init__.py claims/__init__.py claims/means.py claims/sides.py languages/__init__.py "
        "languages/_checks.py languages/_labeller.py languages/_own.py languages/_title.py "
        "languages/base.py mixers/__init__.py mixers/_bases.py mixers/_facts.py mixers/_option.py "
        "mixers/_shape.py mixers/_signature.py report/__init__.py report/figures/__init__.py "
        "report/figures/apart.py report/figures/layout.py report/figures/lines.py "
        "report/figures/style.py report/labels.py report/tables/__init__.py "
        "report/tables/grid.py report/tables/markdown.py results/__init__.py results/frames.py "
        "results/names.py results/pairwise.py results/record.py results/statistics.py "
        "utils/__init__.py utils/bins.py utils/files.py utils/named_bins.py utils/source.py "
        "utils/targets.py"
    ),
}

# An agent has a model like that of a cell, but without these.
UNACTED = (
    *("datasets/__init__.py", "datasets/spec.py", "experiment/__init__.py", "experiment/cell.py"),
    *("models/weights.py", "training/__init__.py", "training/batches.py", "utils/files.py"),
)
# A search trains, but without these.
UNSEARCHED = ("models/weights.py", "training/train.py", "utils/bins.py")


@cache
def touched() -> dict[str, set[str]]:
    """What an edit of each file touches: stages, or mixers, languages and gradients alone."""
    found: dict[str, set[str]] = {file: set() for file in FILES}

    def add(paths: set[Path], name: str) -> None:
        for path in paths:
            found[path.relative_to(PACKAGE).as_posix()].add(name)

    for stage in ROOTS:
        add(files(stage), stage)
    parts = [("train", f"fwp.mixers.{name}", name) for name in mixers.names()]
    parts += [("evaluate", f"fwp.mixers.{name}", name) for name in mixers.names()]
    parts += [
        ("train", f"fwp.training.{name}", name) for name in ("auxiliary", "bptt", "rtrl", "tbptt")
    ]
    for kind in KINDS:
        parts += [("train", f"fwp.training.kinds.{kind}", kind)]
        parts += [("evaluate", f"fwp.training.evaluation.{kind}", kind)]
    parts += [("data", languages.module(name), f"language {name}") for name in languages.names()]
    for stage, module, name in parts:
        add(files(stage, module) - files(stage), name)
    return found


def of_module(module: str) -> set[str]:
    """The languages in a module of `fwp.languages`."""
    return {
        f"language {name}"
        for name in languages.names()
        if languages.module(name) == f"fwp.languages.{module}"
    }


def expected(file: str) -> set[str]:
    """What an edit of a file may touch: a search is trained like a cell, and so are agents.

    What agents earn is shown with what shows associative retrieval.
    """
    found = placed(file) | {
        stage
        for stage, patterns in ALSO.items()
        if any(fnmatch(file, pattern) for pattern in patterns.split())
    }
    if set(MODELS.split()) <= found and file not in UNACTED:
        found |= {"pomdp"}
    if "retrieval_report" in found and not file.startswith("retrieval/"):
        found |= {"pomdp_report"}
    return found | {"search"} if "train" in found and file not in UNSEARCHED else found


def placed(file: str) -> set[str]:
    """What an edit of a file may touch, by rule or by table; without the searches."""
    room, _, rest = file.partition("/")
    name = rest.partition("/")[0].removesuffix(".py")
    if room == "mixers" and name != "__init__":
        own = SHARED.get(name, f"{name} {HEIRS.get(name, '')}")
        return set(own.split())
    if room == "ops" and name in OPS:
        return set(OPS[name].split())
    if room == "nn" and name in LAYERS:
        return set(LAYERS[name].split())
    if room == "languages" and (of_module(name) or name in BASES):
        modules = [name, *BASES.get(name, "").split()]
        counted = set(HALVES.split()) if name in COUNTED else set()
        return set.union(counted, *map(of_module, modules))
    places = [
        results
        for results, patterns in PLACES.items()
        if any(fnmatch(file, pattern) for pattern in patterns.split())
    ]
    assert len(places) == 1, f"{file}: must be placed by one line of PLACES, is by {len(places)}"
    return set(places[0].split())


@pytest.mark.parametrize("file", FILES)
def test_an_edit_touches_what_it_may(file):
    assert touched()[file] == expected(file)
