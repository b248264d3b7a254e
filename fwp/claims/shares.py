"""Claims on a share of cells: "on at least half of the languages, A generalises further than B".

Each cell has a verdict of its own. A cell that seeds leave open, or that was not run, may turn out
either way. So the share lies between that of the cells that are as claimed, and that of the cells
that may be. A verdict needs both on one side of the limit.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from fwp.claims.claim import Criterion
from fwp.claims.evidence import CONTRADICTED, NOT_TESTED, SUPPORTED, UNDETERMINED, Evidence


@dataclass(frozen=True)
class Share:
    """How many cells of a criterion are as claimed.

    Attributes:
        supported, contradicted, undetermined: cells by their own verdicts.
        missing: cells that were not run.
        verdict: on the share.
    """

    criterion: Criterion
    supported: int
    contradicted: int
    undetermined: int
    missing: int
    verdict: str

    @property
    def cells(self) -> int:
        """All of them."""
        return self.supported + self.contradicted + self.undetermined + self.missing


def share(criterion: Criterion, evidence: Sequence[Evidence], missing: int) -> Share:
    """Judge a criterion on a share of cells by the evidence of all its cells."""
    verdicts = [item.verdict for item in evidence]
    sure, against = verdicts.count(SUPPORTED), verdicts.count(CONTRADICTED)
    cells = len(evidence) + missing
    verdict = UNDETERMINED if evidence else NOT_TESTED
    if evidence:
        limit = criterion.share_limit
        least, most = sure / cells, (cells - against) / cells
        decided = 1 if least >= limit else -1 if most < limit else 0
        if decided:
            upward = criterion.share_at_least is not None
            verdict = SUPPORTED if (decided > 0) == upward else CONTRADICTED
    return Share(criterion, sure, against, verdicts.count(UNDETERMINED), missing, verdict)
