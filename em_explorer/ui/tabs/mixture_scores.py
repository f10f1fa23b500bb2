"""How well a mixture's groups hold together, and how well they agree with the true ones."""

from __future__ import annotations

from em_explorer.em.arrays import Floats, Ints
from em_explorer.models.points import Points
from em_explorer.ui.panels.numbers import NumberGroup, NumberRow
from em_explorer.ui.tabs.mixture_picture import Witnesses
from em_explorer.ui.wording import plain

SILHOUETTE_UP_TO = 5000
"""Points; beyond, the distances between all of them take too long."""


class GroupScores:
    """Score the groups of one run's snapshots; silhouettes are found once."""

    def __init__(self) -> None:
        self._silhouettes: dict[int, float | None] = {}

    def forget(self) -> None:
        """Drop what belonged to the run before."""
        self._silhouettes = {}

    def groups(
        self, index: int, shares: Floats, data: Points, witnesses: Witnesses, nouns: str,
        truth: Ints | None,
    ) -> tuple[NumberGroup, ...]:  # fmt: skip
        """Return the scores of a snapshot.

        Parameters
        ----------
        index : int
            Of the snapshot.
        shares : (n, K) float
            The witnesses' responsibilities.
        data : Points
        witnesses : Witnesses
        nouns : str
            What points are called.
        truth : (N,) int or None
            The true group of each point.
        """
        labels = shares.argmax(axis=1)
        rows = []
        if truth is not None:
            rows.append(_agreement(labels, truth[witnesses.rows], witnesses, nouns))
        if len(labels) <= SILHOUETTE_UP_TO:
            if index not in self._silhouettes:
                from em_explorer.models.clustering_scores import silhouette

                self._silhouettes[index] = silhouette(data.points, labels)
            score = self._silhouettes[index]
            tip = "How much nearer points are to their own group than to the next: 1 is best"
            rows.append(NumberRow("silhouette", "–" if score is None else plain(score, 3), tip=tip))
        return (NumberGroup("Groups", tuple(rows)),) if rows else ()


def _agreement(labels: Ints, truth: Ints, witnesses: Witnesses, nouns: str) -> NumberRow:
    from em_explorer.models.clustering_scores import adjusted_rand_index

    tip = "Adjusted Rand index: 1 is the true grouping, 0 is chance"
    if not witnesses.are_all:
        tip += f". From {len(labels):,} {nouns} chosen at random"
    agreement = adjusted_rand_index(labels, truth)
    return NumberRow("agrees with truth (ARI)", f"{agreement:.3f}", tip=tip)
