"""What the mixture's tab says: captions, explanations and numbers, from plain arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from em_explorer.em.arrays import Floats, Ints
from em_explorer.models.gaussian import log_density
from em_explorer.models.gaussian_mixture import GaussianMixtureParams
from em_explorer.ui.panels.explain import Explanation
from em_explorer.ui.panels.numbers import NumberGroup, NumberRow
from em_explorer.ui.theme import theme_manager
from em_explorer.ui.wording import MINUS, count, plain, probability

SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")

FORMULA = "gaussian_mixture_"

UNDECIDED = 1e-6
"""Responsibilities that differ by less are equal."""

SURE = 0.995
"""A responsibility beyond this is 1 to two decimals."""

NOTICEABLE = 0.01
"""A change of a responsibility that is worth a word."""

STANDS_STILL = 1e-3
"""Means that moved by fewer standard deviations than this stand still to the eye."""


def sub(k: int) -> str:
    """Return a component's number as a subscript, from 1."""
    return str(k + 1).translate(SUBSCRIPTS)


def plural(noun: str) -> str:
    """Return "eruptions", "galaxies", "people"."""
    if noun == "person":
        return "people"
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + "s"


def percent(share: float) -> str:
    """Return a share in percent, with a decimal where it is nearly nothing or nearly all."""
    value = 100.0 * share
    if value < 0.05:
        return "0 %"
    if value > 99.95:
        return "100 %"
    return f"{value:.1f} %" if value < 1 or value > 99 else f"{value:.0f} %"


@dataclass(frozen=True)
class MixtureWords:
    """The words for one data set.

    Attributes
    ----------
    noun : str
        What one point is: "eruption".
    columns : tuple of (name, unit)
    """

    noun: str
    columns: tuple[tuple[str, str], ...]

    @property
    def outline(self) -> str:
        """What a component looks like in the picture."""
        return "curve" if len(self.columns) == 1 else "ellipse"

    @property
    def nouns(self) -> str:
        """The plural."""
        return plural(self.noun)

    def many(self, n: int) -> str:
        """Return "31 eruptions"."""
        return count(n, self.noun, self.nouns)

    def place(self, values: Floats) -> str:
        """Return a point or a mean with units: "2.19 min and 53.1 min"."""
        parts = [
            f"{plain(float(v), 3)}{' ' + unit if unit else ''}"
            for v, (_, unit) in zip(values, self.columns, strict=True)
        ]
        return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]

    # -- captions ----------------------------------------------------------------------------

    def first_e(self, responsibilities: Floats, total: int) -> str:
        """Say how the points decided for the first time, all ``total`` of them or some."""
        n, n_components = responsibilities.shape
        if n_components == 1:
            return f"There is one component, so every {self.noun} belongs to it."
        best = np.sort(responsibilities, axis=1)
        undecided = int((best[:, -1] - best[:, -2] < UNDECIDED).sum())
        if undecided == n:
            return (
                f"Every {self.noun} is shared out evenly: the components look the same to all "
                f"{n:,} of them."
            )
        sizes = np.bincount(responsibilities.argmax(1), minlength=n_components)
        if n < total:
            parts = ", ".join(
                f"{k + 1} gets {100 * size / n:.0f} %" for k, size in enumerate(sizes)
            )
            return f"Every {self.noun} asks which component explains it best: {parts}."
        shares = ", ".join(f"{k + 1} gets {size:,}" for k, size in enumerate(sizes))
        return f"Every {self.noun} asks which component explains it best: {shares}."

    def next_e(self, before: Floats, now: Floats, total: int) -> str:
        """Say how many points changed sides since the E-step before: of all, or of some."""
        changed = int((now.argmax(1) != before.argmax(1)).sum())
        if len(now) < total:
            return self._next_e_of_some(before, now, changed)
        if changed:
            return f"{self.many(changed)} changed sides."
        shifting = int((np.abs(now - before).max(axis=1) > NOTICEABLE).sum())
        if shifting:
            verb = "shifts its share" if shifting == 1 else "shift their shares"
            return f"No {self.noun} changed sides, but {shifting:,} still {verb} by more than 1 %."
        return f"No {self.noun} changes its mind any more: all shares move by less than 1 %."

    def _next_e_of_some(self, before: Floats, now: Floats, changed: int) -> str:
        looked = f"Of {len(now):,} {self.nouns} looked at"
        if changed:
            return f"{looked}, {changed:,} changed sides."
        shifting = int((np.abs(now - before).max(axis=1) > NOTICEABLE).sum())
        if shifting:
            return f"{looked}, none changed sides, but {shifting:,} still shift their shares."
        return f"{looked}, none changes its mind any more: all shares move by less than 1 %."

    def m(self, old: GaussianMixtureParams, new: GaussianMixtureParams) -> str:
        """Say which component moved furthest, and what it has now."""
        motion = self.motion(old, new)
        k = int(np.argmax(motion))
        if motion[k] < STANDS_STILL:
            return f"The {self.outline}s hardly move any more."
        share = f"{100 * new.weights[k]:.0f} %"
        return (
            f"Component {k + 1} moved furthest, to {self.place(new.means[k])}, "
            f"and now claims {share} of the {self.nouns}."
        )

    @staticmethod
    def motion(old: GaussianMixtureParams, new: GaussianMixtureParams) -> Floats:
        """Return how far each mean moved, in its own standard deviations."""
        variances = np.diagonal(old.covariances, axis1=1, axis2=2)
        spread = np.sqrt(np.maximum(variances, 1e-300))
        return np.asarray(np.linalg.norm((new.means - old.means) / spread, axis=1))

    # -- explanations ------------------------------------------------------------------------

    def explain_start(self) -> Explanation:
        """Say what is on the screen and what to press."""
        if len(self.columns) == 1:
            text = (
                f"The bars count the {self.nouns}; each curve is a guess: a normal distribution "
                "with its mean as a line. Press the blue button, or Space to play. Or drag a mean."
            )
        else:
            text = (
                f"Each dot is one {self.noun}; each ellipse is a guess: a normal distribution, "
                "drawn at one and two standard deviations. Press the blue button, or Space to "
                "play. Or drag a mean first."
            )
        return Explanation("Start", "", text)

    def explain_e(
        self, rows: Ints, values: Floats, params: GaussianMixtureParams, responsibilities: Floats
    ) -> Explanation:
        """Explain the E-step with the most undecided of the points ``rows``."""
        return Explanation(
            "E-step",
            "e",
            f"The {self.outline}s stand still. Each {self.noun} asks: which of you could have made "
            "me? Its color is the answer, mixed from the shares r.",
            (FORMULA + "responsibilities",),
            self.shares(rows, values, params, responsibilities),
        )

    def shares(
        self, rows: Ints, values: Floats, params: GaussianMixtureParams, responsibilities: Floats
    ) -> tuple[str, ...]:
        """Put the most undecided point's numbers into the formula."""
        if responsibilities.shape[1] == 1:
            return ()
        n = int(np.argmin(responsibilities.max(axis=1)))
        point = values[n : n + 1]
        densities = np.exp(log_density(point, params.means, params.covariances)[0])
        total = float(densities @ params.weights)
        lines = [f"Least sure: {self.noun} {int(rows[n]) + 1}, at {self.place(values[n])}."]
        if responsibilities[n].max() > SURE:
            k = int(responsibilities[n].argmax())
            return (f"{lines[0]} Even that one is certain: r{sub(k)} = 1.00.",)
        for k in np.argsort(-responsibilities[n])[:2]:
            joint = float(params.weights[k] * densities[k])
            lines.append(
                f"r{sub(int(k))} = {plain(joint, 3)} / {plain(total, 3)} "
                f"= {responsibilities[n, k]:.2f}"
            )
        return tuple(lines)

    def explain_m(
        self,
        old: GaussianMixtureParams,
        new: GaussianMixtureParams,
        counts: Floats,
        covariance_type: str,
    ) -> Explanation:
        """Explain the M-step with the component that moved furthest."""
        k = int(np.argmax(self.motion(old, new)))
        n = float(counts.sum())
        numbers = (
            f"N{sub(k)} = {plain(float(counts[k]), 4)} of {n:.0f}, "
            f"w{sub(k)} = {float(new.weights[k]):.3f}",
            f"μ{sub(k)} = {self.place(new.means[k])}",
        )
        return Explanation(
            "M-step",
            "m",
            f"The colors stand still. Each {self.outline} moves to its own {self.nouns}: its mean "
            "becomes their average, weighted by the shares r.",
            tuple(
                FORMULA + part for part in ("weights", "means", f"covariances_{covariance_type}")
            ),
            numbers,
        )

    # -- numbers and readouts ----------------------------------------------------------------

    def components(self, params: GaussianMixtureParams) -> tuple[NumberGroup, ...]:
        """Return each component's weight, and its mean ± standard deviation by column."""
        theme = theme_manager().current
        groups = []
        for k, weight in enumerate(params.weights):
            rows = [NumberRow("weight", plain(float(weight), 3), theme.component(k).name())]
            for d, (name, unit) in enumerate(self.columns):
                spread = float(np.sqrt(max(params.covariances[k, d, d], 0.0)))
                value = f"{plain(float(params.means[k, d]))} ± {plain(spread, 3)} {unit}".rstrip()
                rows.append(NumberRow(name, value, tip="mean ± standard deviation"))
            groups.append(NumberGroup(f"Component {k + 1}", tuple(rows)))
        return tuple(groups)

    def point(self, index: int, values: Floats, shares: Floats | None, truth: str) -> str:
        """Return what there is to say about a point under the pointer, as rich text."""
        parts = [
            f"{name} {value:.6g} {unit}".rstrip().replace("-", MINUS)
            for value, (name, unit) in zip(values, self.columns, strict=True)
        ]
        text = f"<b>{self.noun.capitalize()} {index + 1}</b>: {', '.join(parts)}"
        if truth:
            text += f" · truly {truth}"
        if shares is None:
            return text + " · not shared out yet: press the blue button"
        largest = [int(k) for k in np.argsort(-shares)[:4]]
        return text + " · " + " ".join(f"{dot(k)}: {percent(float(shares[k]))}" for k in largest)

    def component(
        self,
        k: int,
        rows: Ints,
        values: Floats,
        params: GaussianMixtureParams,
        counts: Floats | None,
        pulling: Ints | None = None,
    ) -> str:
        """Return what there is to say about a component under the pointer, as rich text.

        Parameters
        ----------
        rows : (n,) int, values : (n, D) float
            The points among which the most typical are sought.
        pulling : (m,) int, optional
            The points that move its mean most, the strongest first.
        """
        text = f"{dot(k)} <b>Component {k + 1}</b>: "
        if counts is not None:
            n = float(counts.sum())
            text += f"N{sub(k)} = {plain(float(counts[k]))} of {n:,.0f} · "
        if pulling is not None and len(pulling):
            text += f"pulled by {', '.join(str(int(n) + 1) for n in pulling[:3])} · "
        if len(self.columns) == 1:
            spread = float(np.sqrt(params.covariances[k, 0, 0]))
            text += f"{self.place(params.means[k])} ± {self._with_unit(spread, self.columns[0][1])}"
        else:
            eigenvalues = np.linalg.eigvalsh(params.covariances[k])[::-1]
            text += "eigenvalues " + ", ".join(plain(float(v), 3) for v in eigenvalues)
        near = log_density(values, params.means[k : k + 1], params.covariances[k : k + 1])[:, 0]
        typical = ", ".join(str(int(rows[n]) + 1) for n in np.argsort(-near)[:3])
        return f"{text} · typical: {self.nouns} {typical}"

    def formula(self, values: Floats, params: GaussianMixtureParams) -> str:
        """Return "r₂ = w N / Σ w N" with a point's numbers, for the component it prefers."""
        log_joint = log_density(values[None], params.means, params.covariances)[0]
        with np.errstate(divide="ignore"):
            log_joint = log_joint + np.log(params.weights)
        k = int(np.argmax(log_joint))
        joint = np.exp(log_joint)
        density, total = float(joint[k] / params.weights[k]), float(joint.sum())
        if not (density > 0 and total > 0):  # too far away from everything to be written down
            return ""
        return (
            f" · r{sub(k)} = {probability(float(params.weights[k]))} × {plain(density, 3)} / "
            f"{plain(total, 3)} = {float(joint[k]) / total:.2f}"
        )

    @staticmethod
    def _with_unit(value: float, unit: str) -> str:
        return f"{plain(value, 4)} {unit}".rstrip()


def dot(k: int) -> str:
    """Return a component's colored dot and number, as rich text."""
    return f'<span style="color:{theme_manager().current.component(k).name()}">●</span> {k + 1}'
