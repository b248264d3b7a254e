"""BLEU (Papineni et al. 2002) and chrF (Popović 2015) of translations, by `sacrebleu`."""

from collections.abc import Sequence
from typing import Any

from fwp.datasets.text.pair import EXTRA, PairsError


class Scores:
    """What translations are scored by, and signatures that tell others how.

    Raises:
        PairsError: `sacrebleu` is missing.
    """

    def __init__(self):
        try:
            from sacrebleu.metrics.bleu import BLEU
            from sacrebleu.metrics.chrf import CHRF
        except ImportError:
            raise PairsError(f"BLEU and chrF need the package sacrebleu{EXTRA}") from None
        self._metrics: dict[str, Any] = {"bleu": BLEU(), "chrf": CHRF()}

    def of(self, found: Sequence[str], references: Sequence[str]) -> dict[str, float]:
        """bleu and chrf of a corpus, each from 0 to 100; a reference for each translation."""
        return {
            name: float(metric.corpus_score(list(found), [list(references)]).score)
            for name, metric in self._metrics.items()
        }

    @property
    def signatures(self) -> dict[str, str]:
        """How bleu and chrf were computed, once `of` has been called."""
        return {name: str(metric.get_signature()) for name, metric in self._metrics.items()}
