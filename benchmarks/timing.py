"""Wall time of a call, and the table in which two ways stand side by side."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from time import perf_counter


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: what was measured and the seconds of both ways."""

    what: str
    theirs: str
    theirs_s: float
    ours_s: float

    def text(self) -> str:
        """As a row of Markdown."""
        ratio = self.theirs_s / self.ours_s
        return f"| {self.what} | {self.theirs} | {told(self.theirs_s)} | {told(self.ours_s)} | {ratio:,.2f} |"


def told(seconds: float) -> str:
    """With three figures, in the unit that suits."""
    return f"{seconds:.3g} s" if seconds >= 1 else f"{seconds * 1000:.3g} ms"


def timed(work: Callable[[], object], runs: int) -> float:
    """The median of the runs in seconds, after one that is not counted when there are several."""
    if runs > 1:
        work()
    return median(_once(work) for _ in range(runs))


def _once(work: Callable[[], object]) -> float:
    begun_s = perf_counter()
    work()
    return perf_counter() - begun_s
