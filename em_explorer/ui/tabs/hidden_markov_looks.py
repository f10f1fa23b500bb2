"""Forward–backward for the eye: α sweeps ahead, β sweeps back, and together they are γ."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, Qt, QVariantAnimation, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSlider, QWidget

from em_explorer.em.arrays import Floats
from em_explorer.em.steps import Phase
from em_explorer.ui.motion import Motion
from em_explorer.ui.views.time_images import Sweep

SWEEP_MS = 2600
"""How long both sweeps take together when nobody is in a hurry."""

SLOW = 3.0
"""Faster than so many half-steps a second there is no time for a sweep."""

STOPS = 200
"""A longer sequence is swept in about so many strides by hand."""

TIP = (
    "Show how the E-step finds the states: α runs ahead with what the past says, β comes back "
    "with what the future says, and γ ∝ α × β is the posterior (Alt+W)"
)
TOO_LONG = "So long a sequence is read too fast to watch: only its posterior is kept."


class ChainLooks(QObject):
    """The sweep with its slider, and α, β, γ at the step under the pointer.

    Parameters
    ----------
    tab : HiddenMarkovTab
        Whose run is looked at.
    """

    def __init__(self, tab: Any) -> None:
        super().__init__(tab)
        self._tab = tab
        self._last: int | None = None
        self.button = QPushButton("S&weep")
        self.button.setObjectName("sweep")
        self.button.setAccessibleName("Show the forward and backward sweep of the E-step")
        self.button.setCheckable(True)
        self.button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.button.toggled.connect(self._on_toggled)
        self.row = QWidget()
        line = QHBoxLayout(self.row)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(12)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setObjectName("sweep_position")
        self.slider.setAccessibleName("How far the sweeps have come")
        self.slider.setToolTip("Drag, or step with the up and down keys: α first, then β, then γ")
        self.words = QLabel()
        self.words.setObjectName("sweep_words")
        self.words.setProperty("role", "caption")
        self.words.setMinimumWidth(1)
        line.addWidget(self.slider, 2)
        line.addWidget(self.words, 3)
        self.row.hide()
        self.slider.valueChanged.connect(self._on_position)
        self.slider.sliderPressed.connect(self._on_pressed)
        self._animation = QVariantAnimation(self)
        self._animation.valueChanged.connect(self._on_animated)
        self.say_length(long=False)

    def say_length(self, *, long: bool) -> None:
        """Offer the sweep where α and β are kept."""
        self.button.setEnabled(not long)
        self.button.setToolTip(TOO_LONG if long else TIP)
        if long:
            self.button.setChecked(False)

    def connect_tab(self) -> None:
        """Listen to the tab, whose parts exist by now."""
        tab = self._tab
        tab.stage.brought.connect(self._on_brought)
        tab.area.time.hovered.connect(self._on_hovered)
        tab.area.time.observations.sigXRangeChanged.connect(self._on_window)

    def rest(self) -> None:
        """Stop moving: another run begins, or the window goes."""
        self._animation.stop()
        self._last = None

    # -- α, β and γ --------------------------------------------------------------------------

    def messages(self, step: int | None = None) -> tuple[Floats, Floats, Floats] | None:
        """Return α, β and γ in force, (T, K) or one step's (K,); None where unknown.

        States are numbered as shown.
        """
        tab = self._tab
        index = tab.stage.shown_index
        if tab.controller.trace is None or index is None or tab.long:
            return None
        latent = tab.latent(index)
        if latent is None:
            return None
        steps = slice(None) if step is None else step
        alpha, beta, gamma = (p[steps] for p in (latent.alpha, latent.beta, latent.gamma))
        return alpha[..., tab.order], beta[..., tab.order], gamma[..., tab.order]

    @Slot(int)
    def _on_hovered(self, step: int) -> None:
        found = self.messages(step) if step >= 0 else None
        self._tab.area.time.show_messages(step, found)

    # -- the sweep ---------------------------------------------------------------------------

    @property
    def window(self) -> tuple[int, int]:
        """The steps in view."""
        seen: tuple[int, int] = self._tab.area.time.visible_steps
        return seen

    @Slot(bool)
    def _on_toggled(self, on: bool) -> None:
        self.row.setVisible(on)
        self._animation.stop()
        self._on_window()
        if on and Motion.enabled and self._tab.controller.trace is not None:
            self._animate(SWEEP_MS)
        elif on:
            self._at_end()
        else:
            self._show()

    @Slot()
    def _on_window(self, *_: object) -> None:
        """Fit the slider to the steps in view; a sweep that is over stays so."""
        start, stop = self.window
        over = self.slider.value() == self.slider.maximum()
        stride = max(1, (stop - start) // STOPS)
        self.slider.setSingleStep(stride)
        self.slider.setPageStep(10 * stride)
        self.slider.setMaximum(2 * (stop - start) + 1)
        if over:
            self._at_end()

    def _at_end(self) -> None:
        self.slider.setValue(self.slider.maximum())
        self._show()

    def _animate(self, duration: int) -> None:
        self._animation.stop()
        self._animation.setDuration(duration)
        self._animation.setStartValue(0)
        self._animation.setEndValue(self.slider.maximum())
        self._animation.start()

    @Slot(object)
    def _on_animated(self, value: Any) -> None:
        self.slider.setValue(int(value))

    @Slot()
    def _on_pressed(self) -> None:
        self._animation.stop()
        self._tab.controller.pause()

    @Slot(int)
    def _on_brought(self, index: int) -> None:
        """Sweep after a new E-step, where there is time to watch it."""
        before, self._last = self._last, index
        if not self.button.isChecked() or self._tab.controller.trace is None:
            return
        self._animation.stop()
        controller = self._tab.controller
        slow = not controller.playing or controller.speed <= SLOW
        forward = before is not None and index == before + 1
        if Motion.enabled and slow and forward and self._tab.snapshot(index).phase is Phase.E:
            hurry = 800.0 / controller.speed if controller.playing else SWEEP_MS
            self._animate(round(min(SWEEP_MS, hurry)))
        else:
            self._at_end()

    @Slot(int)
    def _on_position(self, _: int) -> None:
        self._show()

    def _show(self) -> None:
        """Draw the sweeps as far as the slider says, and say what is seen."""
        area = self._tab.area
        found = self.messages() if self.button.isChecked() else None
        start, stop = self.window
        position, n = self.slider.value(), stop - start
        if found is None or position > 2 * n:
            self.words.setText("" if found is None else "γ ∝ α × β: past and future together.")
            if area.time.sweep is not None:
                area.time.show_sweep(None)
            return
        ahead, back = start + min(position, n), stop - max(position - n, 0)
        area.time.show_sweep(Sweep(found[0], found[1], ahead, back))
        self.words.setText(self._stage(ahead, back, position > n))

    def _stage(self, ahead: int, back: int, returning: bool) -> str:
        noun = self._tab.noun
        if returning:
            return f"β, backward: {noun} {back + 1} has heard what comes after it."
        if ahead == self.window[0]:
            return f"α, forward: begins at {noun} {ahead + 1}."
        return f"α, forward: {noun} {ahead} knows what came before it."
