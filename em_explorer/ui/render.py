"""Draw a demo without a screen: the real window, its last picture or the film of its run."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QBuffer, QEventLoop, QIODevice, QTimer
from PySide6.QtGui import QImage

from em_explorer.em.errors import DataError
from em_explorer.ui.app import application
from em_explorer.ui.motion import Motion
from em_explorer.ui.theme import THEMES, apply_theme, theme_manager

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_FRAMES = 150
"""A film shows at most so many half-steps; a longer run is shown in larger strides."""

STEP_UP_TO = 1000
"""So many half-steps are taken one by one; more of them as fast as it goes."""

FRAME_MS = 500
LAST_FRAME_MS = 3000


def render_demo(
    name: str,
    out: Path,
    iterations: int | None = None,
    size: tuple[int, int] = (1280, 800),
    theme: str = "light",
    *,
    arrange: Callable[[Any], None] | None = None,
) -> None:
    """Run a demo in the real window and write a picture of it.

    Parameters
    ----------
    name : str
        A story's name.
    out : Path
        ``.png`` for the last half-step, ``.gif`` for the whole run.
    iterations : int, optional
        Full steps to take; without it, until EM stops.
    size : (width, height), px
    theme : {"light", "dark"}
    arrange : callable, optional
        Called with the window before the picture is taken.

    Raises
    ------
    DataError
        When the file can't be written.
    """
    from em_explorer.ui.main_window import MainWindow

    app = application()
    before = theme_manager().current
    apply_theme(app, THEMES[theme])
    moved, Motion.enabled = Motion.enabled, False
    window = MainWindow()
    try:
        window.resize(*size)
        window.show()
        window.open_demo(name)
        run_for(window.tab.controller, iterations)
        if arrange is not None:
            arrange(window)
        if out.suffix.lower() == ".gif":
            _write_film(window, out)
        elif not picture(window).save(str(out)):
            raise DataError(f"{out.name} can't be written; choose another folder.")
    finally:
        window.close()
        window.deleteLater()
        app.processEvents()
        Motion.enabled = moved
        apply_theme(app, before)


def run_for(controller: Any, iterations: int | None) -> None:
    """Let a controller run for so many full steps (None: until it stops) and wait for it."""
    wanted = None if iterations is None else 2 + 2 * iterations

    def over() -> bool:
        trace = controller.trace
        done = wanted is not None and len(trace) >= wanted
        return bool(trace.stop is not None or done or not controller.playing)

    if wanted is None or wanted > STEP_UP_TO:
        _wait(controller, controller.run_to_end, over)
    else:
        # Step by step: not one half-step more than was asked for.
        while len(controller.trace) < wanted and controller.can_advance:
            length = len(controller.trace)
            _wait(controller, controller.step, partial(_grew, controller, length))
    controller.pause()
    if wanted is not None:
        controller.seek(wanted - 1)


def _grew(controller: Any, length: int) -> bool:
    return len(controller.trace) > length or not controller.can_advance


def _wait(controller: Any, begin: Callable[[], None], over: Callable[[], bool]) -> None:
    loop = QEventLoop()

    def look(*_: object) -> None:
        if over():
            loop.quit()

    controller.grown.connect(look)
    controller.state_changed.connect(look)
    QTimer.singleShot(0, begin)
    QTimer.singleShot(0, look)
    loop.exec()
    controller.grown.disconnect(look)
    controller.state_changed.disconnect(look)


def picture(window: Any) -> QImage:
    """Return the window as it is now, drawn to the end."""
    while window.tab.controller.fetching:
        application().processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
    window.tab.settle()
    application().processEvents()
    return window.grab().toImage()


def _write_film(window: Any, out: Path) -> None:
    from PIL import Image

    controller = window.tab.controller
    last = len(controller.trace) - 1
    stride = max(1, -(-last // MOST_FRAMES))
    indices = sorted({*range(0, last + 1, stride), last})
    frames = []
    for index in indices:
        controller.seek(index)
        frames.append(_to_pillow(picture(window)))
    # One palette for all frames: the same colors everywhere, and ten times faster.
    shared = frames[-1].quantize(255, dither=Image.Dither.NONE)
    small = [frame.quantize(palette=shared, dither=Image.Dither.NONE) for frame in frames]
    try:
        small[0].save(
            out,
            save_all=True,
            append_images=small[1:],
            duration=[FRAME_MS] * (len(small) - 1) + [LAST_FRAME_MS],
            loop=0,
            optimize=False,
        )
    except OSError as error:
        raise DataError(f"{out.name} can't be written: {error}.") from None


def _to_pillow(image: QImage) -> Image:
    from io import BytesIO

    from PIL import Image

    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "BMP")  # type: ignore[call-overload]
    return Image.open(BytesIO(buffer.data().data())).convert("RGB")
