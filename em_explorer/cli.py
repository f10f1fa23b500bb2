"""The command line: open the window, render a demo without one, list the demos.

Qt is imported only when something is drawn, after it is known that there is somewhere to draw.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from em_explorer import __version__
from em_explorer.display import has_display, missing_libraries
from em_explorer.em.errors import DataError
from em_explorer.frames import with_room
from em_explorer.registry import MODELS

if TYPE_CHECKING:
    from argparse import ArgumentParser

PROGRAM = "em-explorer"
WITHOUT_DISPLAY = f"{PROGRAM} render old-faithful --out old-faithful.gif"
PICTURES = (".png", ".gif")
SMALLEST, LARGEST = (320, 240), (7680, 4320)
USAGE_ERROR, INTERRUPTED = 2, 130

COMMANDS = f"""\
other commands:
  {PROGRAM} demos                      list the demos
  {PROGRAM} render DEMO --out x.gif    draw a demo into a file; needs no display
  {PROGRAM} render --help              says more
  {PROGRAM} warm-up                    compile the fast E-steps now
"""


def _parser(**words: Any) -> ArgumentParser:
    from argparse import ArgumentParser

    class Parser(ArgumentParser):
        def error(self, message: str) -> NoReturn:
            """Say what is wrong in one sentence, without the usage in front of it."""
            raise DataError(f"{message[:1].upper()}{message[1:]} ({self.prog} --help).")

    return Parser(**words)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code: 0, or 2 after one sentence on stderr."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    commands = {"demos": _demos, "render": _render, "warm-up": _warm_up}
    try:
        if words and words[0] in commands:
            return commands[words[0]](words[1:])
        return _window(words)
    except DataError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return USAGE_ERROR
    except KeyboardInterrupt:
        return INTERRUPTED


def _window(words: list[str]) -> int:
    if not words:  # the way most people come: not a millisecond for what they don't ask
        return _open()
    chosen = _window_words(words)
    return _open(chosen.model, chosen.demo, chosen.play, file=chosen.file, theme=chosen.theme)


def _open(*arguments: Any, **more: Any) -> int:
    _need_display()
    return with_room(partial(_run, *arguments, **more))


def _run(*arguments: Any, **more: Any) -> int:
    # The window collects garbage when nobody waits; its modules leave next to none.
    automatic = gc.isenabled()
    gc.disable()
    try:
        from em_explorer.ui.app import run

        return run(*arguments, **more)
    finally:
        if automatic:
            gc.enable()


def _window_words(words: list[str]) -> Any:
    from argparse import RawDescriptionHelpFormatter

    parser = _parser(
        prog=PROGRAM,
        description="Watch Expectation-Maximization work, one half-step at a time.",
        epilog=COMMANDS,
        formatter_class=RawDescriptionHelpFormatter,
    )
    keys = [row.key for row in MODELS]
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE", help="data to open")
    parser.add_argument("--model", metavar="KEY", help=f"tab to open: {', '.join(keys)}")
    parser.add_argument("--demo", metavar="NAME", help="demo to open (see: em-explorer demos)")
    parser.add_argument("--play", action="store_true", help="start playing at once")
    parser.add_argument("--theme", choices=("light", "dark"), help="colors of the window")
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    chosen = parser.parse_args(words)
    if chosen.model is not None:
        _known(chosen.model, keys, "model")
    if chosen.demo is not None:
        _known_demo(chosen.demo)
    if chosen.file is not None and not chosen.file.is_file():
        raise DataError(f"There is no file {str(chosen.file)!r}.")
    return chosen


def _demos(words: list[str]) -> int:
    parser = _parser(prog=f"{PROGRAM} demos", description="List the demos: name, title, model.")
    parser.parse_args(words)
    from em_explorer.session.document import list_stories

    stories = list_stories()
    name_width = max((len(story.name) for story in stories), default=0)
    title_width = max((len(story.title) for story in stories), default=0)
    for story in stories:
        print(f"{story.name:<{name_width}}  {story.title:<{title_width}}  {story.model}")
    return 0


def _render(words: list[str]) -> int:
    parser = _parser(
        prog=f"{PROGRAM} render",
        description="Run a demo and draw it: the last picture as PNG, the whole run as GIF.",
    )
    parser.add_argument("demo", metavar="DEMO", help="name of a demo (see: em-explorer demos)")
    parser.add_argument("--out", required=True, type=Path, metavar="FILE", help="x.png or x.gif")
    parser.add_argument(
        "--iterations", type=int, metavar="N", help="full steps; without it, until EM stops"
    )
    parser.add_argument("--size", default="1280x800", metavar="WxH", help="pixels (1280x800)")
    parser.add_argument("--theme", choices=("light", "dark"), default="light")
    parser.add_argument(
        "--show",
        metavar="PARTS",
        help="parts to bring to the front, with commas between: convergence, gauges, distance, "
        "traces, starts, landscape and more",
    )
    chosen = parser.parse_args(words)
    _known_demo(chosen.demo)
    if chosen.out.suffix.lower() not in PICTURES:
        raise DataError(f"Pictures end in .png or .gif; {chosen.out.name!r} does not.")
    if not chosen.out.absolute().parent.is_dir():
        raise DataError(f"There is no folder {str(chosen.out.absolute().parent)!r} to write to.")
    if chosen.iterations is not None and chosen.iterations < 0:
        raise DataError(f"--iterations must be 0 or more; it is {chosen.iterations}.")
    size = _size(chosen.size)
    # Before Qt is imported: a picture needs no screen, even where there is one.
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    from PySide6.QtCore import qInstallMessageHandler

    from em_explorer.ui.endings import leave
    from em_explorer.ui.parts import check_parts, show_parts
    from em_explorer.ui.render import render_demo

    parts = [] if chosen.show is None else [name.strip() for name in chosen.show.split(",")]
    check_parts(parts)
    qInstallMessageHandler(_qt_message)
    arrange = partial(show_parts, names=parts)
    render_demo(chosen.demo, chosen.out, chosen.iterations, size, chosen.theme, arrange=arrange)
    return leave(0, daemons=False)


def _warm_up(words: list[str]) -> int:
    parser = _parser(
        prog=f"{PROGRAM} warm-up",
        description="Compile the fast E-steps, which the window else does behind your back.",
    )
    parser.add_argument(
        "--quiet", action="store_true", help="say nothing and let other programs go first"
    )
    chosen = parser.parse_args(words)
    from em_explorer.models import backend

    if chosen.quiet:
        backend.give_way()
        return 0 if backend.warm_up() else 1
    import logging

    logging.basicConfig(format="%(message)s", level=logging.INFO)
    if not backend.warm_up(_tell_kernel):
        return 1
    print(f"The kernels are ready in {backend.cache_folder()}.")
    return 0


def _tell_kernel(name: str, done: int, total: int) -> None:
    if done < total:
        print(f"[{done + 1}/{total}] {name}", flush=True)


def _qt_message(_kind: object, _context: object, message: str) -> None:
    from em_explorer.ui.crash import HARMLESS

    if not any(words in message for words in HARMLESS):
        print(message, file=sys.stderr)


def _size(text: str) -> tuple[int, int]:
    import re

    match = re.fullmatch(r"(\d{1,5})[x×](\d{1,5})", text.lower())
    if match is None:
        raise DataError(f"--size is width x height in pixels, as 1280x800; it is {text!r}.")
    width, height = int(match[1]), int(match[2])
    if not (SMALLEST[0] <= width <= LARGEST[0] and SMALLEST[1] <= height <= LARGEST[1]):
        raise DataError(f"--size must lie between 320x240 and 7680x4320; it is {text!r}.")
    return width, height


def _known_demo(name: str) -> None:
    from em_explorer.session.document import list_stories

    _known(name, [story.name for story in list_stories()], "demo")


def _known(name: str, names: Iterable[str], kind: str) -> None:
    names = list(names)
    if name in names:
        return
    import difflib

    near = difflib.get_close_matches(name.lower(), names, n=3, cutoff=0.4)
    near += [n for n in names if name.lower() in n and n not in near]
    hint = f"did you mean {' or '.join(near[:3])}?" if near else f"there are {', '.join(names)}."
    raise DataError(f"There is no {kind} {name!r}; {hint}")


def _need_display() -> None:
    if not has_display():
        raise DataError(
            f"There is no display to open a window on; this works without: {WITHOUT_DISPLAY}"
        )
    missing = missing_libraries()
    if missing:
        raise DataError(
            "Qt needs system libraries to open a window; run: sudo apt-get install -y "
            + " ".join(missing)
        )
