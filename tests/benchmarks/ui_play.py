"""Measure drawing, playing, scrubbing and pace in the real window, offscreen.

Each section runs in a process of its own: ``python tests/benchmarks/ui_play.py play`` prints one
as Markdown, ``… play HMM`` only the rows whose names hold the word.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ui_plain
from ui_window import (
    FRAME,
    HISTOGRAM,
    HUNDRED_THOUSAND,
    LONG_CHAIN,
    LONGEST_CHAIN,
    MANY_WORDS,
    MILLION,
    MIXTURE,
    ROOT,
    STORIES,
    Watch,
    load,
    percentile,
    seek,
    spin,
    verdict,
    view_of,
    wait_for_picture,
    walk,
    window,
)

PLAY_SECONDS = 5.0
SMOOTH, BUSY, DELAY, FRAME_RATE = 0.95, 0.90, FRAME, 30.0
PACES = (4.0, 8.0, 16.0, 32.0)
KEPT = 0.95

PLAYED = (HUNDRED_THOUSAND, MILLION, HISTOGRAM, LONG_CHAIN, LONGEST_CHAIN, MANY_WORDS)
SCRUBBED = {HUNDRED_THOUSAND: 1, MILLION: 2, HISTOGRAM: 2, LONG_CHAIN: 1, MANY_WORDS: 1}
"""Frames until the new picture."""


def say(line: str) -> str:
    """Show a row while the rest is measured."""
    print(line, file=sys.stderr)
    return line


# -- drawing ---------------------------------------------------------------------------------


def drawing() -> str:
    """Time one picture of every size, from the wish to the last paint event."""
    lines = [
        "From the move of the cursor to the painted picture, EM at rest; the median of 20. The "
        "plain way makes a brush per point and draws in the slot.",
        "",
        "| what | picture, ms | of these in the window's thread | worst, ms | the plain way, ms | "
        "times as fast |",
        "|---|---|---|---|---|---|",
    ]
    main_window = window()
    found = {}
    for name in STORIES:
        tab = load(main_window, name)
        walk(tab, 5)
        took = []
        for index in (1, 3, 5, 2, 4) * 4:
            took.append(seek(tab, index))
            spin(0.02)
        whole, own = ([t[i] for t in took] for i in (0, 1))
        found[name] = percentile(whole, 0.5), percentile(own, 0.5), max(whole)
    main_window.close()
    spin(0.2)
    for name, (median, own, worst) in found.items():
        row = f"| {name} | {1e3 * median:.1f} | {1e3 * own:.1f} | {1e3 * worst:.0f} |"
        if name.startswith("mixture") and name != MILLION:
            plainly = ui_plain.picture_seconds(name)
            row += f" {1e3 * plainly:.0f} | {plainly / median:.0f} |"
        else:
            row += " – | – |"
        lines.append(say(row))
    return "\n".join(lines)


# -- playing ---------------------------------------------------------------------------------


@dataclass
class Played:
    """What was seen while something played as fast as it goes."""

    seconds: float
    half_steps: int
    due: int
    frames: int
    delays: list[float]
    inside: float

    @property
    def drawn(self) -> float:
        """Share of the frames due that were drawn."""
        return min(self.frames / max(self.due, 1), 1.0)

    @property
    def rate(self) -> float:
        """Frames a second."""
        return self.frames / self.seconds

    @property
    def delay(self) -> float:
        """The 99th percentile of the event loop's delay, s."""
        return percentile(self.delays, 0.99)

    @property
    def busy(self) -> float:
        """Share of the time that the worker spent inside steps."""
        return self.inside / self.seconds

    def line(self, name: str) -> str:
        """Return a row of the table."""
        smooth = self.rate >= FRAME_RATE if "1,000,000 points" in name else self.drawn >= SMOOTH
        worst = 1e3 * max(self.delays, default=0.0)
        missed = [
            word
            for word, met in (
                ("frames", smooth),
                ("delay", self.delay < DELAY),
                ("busy", self.busy >= BUSY),
            )
            if not met
        ]
        return (
            f"| {name} | {self.half_steps / self.seconds:.0f} | {self.due / self.seconds:.0f} | "
            f"{self.rate:.0f} | {100 * self.drawn:.0f} % | {1e3 * self.delay:.1f} | {worst:.0f} | "
            f"{100 * self.busy:.0f} % | {verdict(not missed)}{': ' * bool(missed)}"
            f"{', '.join(missed)} |"
        )


HEAD = (
    f"As fast as it goes, {PLAY_SECONDS:g} s each, the window open at 1280 × 800. A frame is due "
    "when the worker has come further since the last sixtieth of a second. Delay is how late a "
    "timer of 5 ms comes in the window's thread. Goals: at least "
    f"{100 * SMOOTH:.0f} % of the frames due are drawn (of 1,000,000 points: at least "
    f"{FRAME_RATE:.0f} a second), delay p99 below {1e3 * DELAY:.1f} ms, worker busy at least "
    f"{100 * BUSY:.0f} % of the time.\n\n"
    "| what | half-steps/s | frames due/s | frames/s | drawn of those due | delay p99, ms | "
    "worst, ms | worker busy | goals |\n|---|---|---|---|---|---|---|---|---|"
)


def play(tab: Any, seconds: float = PLAY_SECONDS) -> Played:
    """Play as fast as it goes and say what was seen."""
    controller = tab.controller
    arrived: list[float] = []
    grants: list[tuple[float, float]] = []

    def on_grant(_run: int, _steps: int, spent: float) -> None:
        grants.append((time.perf_counter(), spent))

    def on_cursor(_index: int) -> None:
        arrived.append(time.perf_counter())

    controller.set_speed(float("inf"))
    controller.play()
    spin(1.0)  # the first frames make what later ones only use
    controller._link.worker.granted.connect(on_grant)
    controller.cursor_changed.connect(on_cursor)
    watch = Watch(view_of(tab))
    brought: list[int] = []
    tab.stage.brought.connect(brought.append)
    before = len(controller.trace)
    begun = time.perf_counter()
    spin(seconds)
    ended = time.perf_counter()
    half_steps = len(controller.trace) - before
    watch.stop()
    frames = min(len(brought), len(watch.paints))
    controller.pause()
    while controller._link.under_way:  # the grants in hand count up to the end
        spin(0.01)
    controller._link.worker.granted.disconnect(on_grant)
    controller.cursor_changed.disconnect(on_cursor)
    tab.stage.brought.disconnect(brought.append)
    due = len({int((t - begun) / FRAME) for t in arrived if t < ended})
    inside = sum(max(0.0, min(t, ended) - max(t - spent, begun)) for t, spent in grants)
    wait_for_picture(tab)
    return Played(ended - begun, half_steps, due, frames, watch.delays, inside)


def playing() -> str:
    """Play everything as fast as it goes, and a mixture the plain way beside it."""
    lines = [HEAD]
    main_window = window()
    for name in PLAYED:
        if name in STORIES:
            lines.append(say(play(load(main_window, name)).line(name)))
    main_window.close()
    spin(0.2)
    if HUNDRED_THOUSAND in STORIES:
        took, half_steps, frames, delays = ui_plain.play(HUNDRED_THOUSAND, PLAY_SECONDS)
        worst = max(delays, default=took)
        lines.append(
            say(
                f"| the plain way, 100,000 points | {half_steps / took:.1f} | – | "
                f"{frames / took:.1f} | – | {1e3 * percentile(delays, 0.99):.0f} | "
                f"{1e3 * worst:.0f} | – | – |"
            )
        )
    return "\n".join(lines)


# -- scrubbing and pace ----------------------------------------------------------------------


def scrubbing() -> str:
    """Jump over the timeline: from the cursor's move to the picture on the screen, in frames."""
    lines = [
        "Forty jumps over the timeline, EM at rest. Goal: a new picture within one frame "
        f"({1e3 * FRAME:.1f} ms), with 1,000,000 points within two; judged by the median.",
        "",
        "| what | median, ms | p95, ms | worst, ms | goal, ms | |",
        "|---|---|---|---|---|---|",
    ]
    main_window = window()
    for name in [n for n in SCRUBBED if n in STORIES]:
        tab = load(main_window, name)
        walk(tab, 12 if name != MANY_WORDS else 8)
        newest = len(tab.controller.trace) - 1
        took = []
        for i in range(40):
            took.append(seek(tab, (i * 5 + 1) % newest)[0])
            spin(0.02)
        median, goal = percentile(took, 0.5), SCRUBBED[name] * FRAME
        lines.append(
            say(
                f"| {name} | {1e3 * median:.1f} | {1e3 * percentile(took, 0.95):.1f} | "
                f"{1e3 * max(took):.0f} | {1e3 * goal:.1f} | {verdict(median <= goal)} |"
            )
        )
    main_window.close()
    return "\n".join(lines)


def pace() -> str:
    """Compare the speed asked for with the one kept, and count the half-steps seen."""
    from em_explorer.session.document import load_story

    lines = [
        f"Old Faithful from its start to its end. Goal: at least {100 * KEPT:.0f} % of the speed "
        "asked for, and every half-step drawn.",
        "",
        "| half-steps/s asked for | kept | half-steps taken | drawn | |",
        "|---|---|---|---|---|",
    ]
    main_window = window()
    tab = main_window.tab_for(MIXTURE, open_first_demo=False)
    for speed in PACES:
        tab.load_story(load_story("old-faithful"))
        wait_for_picture(tab)
        seen: list[int] = []
        tab.stage.brought.connect(seen.append)
        tab.controller.set_speed(speed)
        begun = time.perf_counter()
        tab.controller.play()
        while tab.controller.playing:
            spin(0.005)
        took = time.perf_counter() - begun
        wait_for_picture(tab)
        tab.stage.brought.disconnect(seen.append)
        taken, drawn = tab.controller.cursor, len(set(seen))
        met = taken / took >= KEPT * speed and drawn >= taken
        lines.append(
            say(f"| {speed:g} | {taken / took:.1f} | {taken} | {drawn} | {verdict(met)} |")
        )
    main_window.close()
    return "\n".join(lines)


# -- from the command line -------------------------------------------------------------------

MEASURES: dict[str, Callable[[], str]] = {
    "drawing": drawing,
    "play": playing,
    "scrub": scrubbing,
    "pace": pace,
}


def in_a_process(name: str, script: str = __file__) -> Callable[[], str]:
    """Return what measures a section in a process of its own."""

    def measure() -> str:
        done = subprocess.run(
            [sys.executable, script, name],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=1800,
            cwd=ROOT,
            env=os.environ | {"QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(ROOT)},
        )
        return done.stdout.strip()

    return measure


SECTIONS: dict[str, Callable[[], str]] = {name.title(): in_a_process(name) for name in MEASURES}
"""For the page of results: title to function."""


if __name__ == "__main__":
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    if len(sys.argv) > 2:  # only the stories whose names hold the word
        for title in [t for t in STORIES if sys.argv[2] not in t]:
            del STORIES[title]
    print(MEASURES[sys.argv[1]](), flush=True)
    os._exit(0)  # a half-step of large data may still be under way
