"""Two runs in a split view as tests see them: how to move both, and what is drawn of each."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

DEMOS = {
    "gaussian_mixture": "old-faithful",
    "hidden_markov": "casino",
    "latent_dirichlet": "small-topics",
    "missing_data": "missing-at-random",
}
RIVALS = {
    "gaussian_mixture": ["hard", "squarem", "start"],
    "hidden_markov": ["hard", "squarem", "start"],
    "latent_dirichlet": ["squarem", "start"],
    "missing_data": ["hard", "mean", "squarem", "start"],
}
NAMES = {
    "gaussian_mixture": "k-means",
    "hidden_markov": "Viterbi training",
    "missing_data": "Plug-in",
}


def arrive(qtbot: Any, tab: Any) -> None:
    """Wait until both halves show where their cursors are."""
    lockstep = tab.lockstep
    halves = tab, lockstep.companion

    def there() -> bool:
        late = lockstep.follower.missing
        return not late and all(
            not half.stage.busy and half.stage.shown_index == half.controller.cursor
            for half in halves
        )

    qtbot.waitUntil(there, timeout=30_000)


def step(qtbot: Any, tab: Any, n: int = 1) -> None:
    """Take half-steps and wait for both halves."""
    for _ in range(n):
        before = tab.controller.position
        tab.controller.step()
        qtbot.waitUntil(lambda b=before: tab.controller.position == b + 1, timeout=30_000)
        arrive(qtbot, tab)


def to_the_end(qtbot: Any, tab: Any) -> None:
    """Run both to their ends."""
    tab.controller.run_to_end()
    follower = tab.lockstep.follower
    qtbot.waitUntil(
        lambda: not tab.controller.playing and follower.ended and tab.controller.ended,
        timeout=60_000,
    )
    arrive(qtbot, tab)


def heads(tab: Any) -> tuple[str, str]:
    """Return what the headings of the halves say."""
    left, right = (re.sub(r"<[^>]*>", "", head.label.text()) for head in tab.lockstep.heads)
    return left.removeprefix("● "), right.removeprefix("● ")


def drawn(tab: Any) -> Any:
    """Return numbers that are on the screen in a tab's play area."""
    if tab.key == "gaussian_mixture":
        return np.array([[c.handle.pos().x(), c.handle.pos().y()] for c in tab.scatter.components])
    if tab.key == "hidden_markov":
        return np.array([bar.opts["height"] for bar in tab.area.emissions.bars])
    shown = tab.stage.shown
    return shown.topic_word if tab.key == "latent_dirichlet" else shown.covariance


def expected(tab: Any, index: int) -> Any:
    """Return what :func:`drawn` must be at a half-step."""
    params = tab.shown_params(index)
    if tab.key == "gaussian_mixture":
        return params.means
    if tab.key == "hidden_markov":
        return params.emission.probs
    return params.topic_word if tab.key == "latent_dirichlet" else params.covariance
