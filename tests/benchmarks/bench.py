"""Side by side with the peers: one process, one thread each, taking turns.

Writes ``RESULTS.md`` beside itself. Run it with ``make bench``, on a machine that does nothing
else if there is one; words given as arguments choose the workloads whose titles hold them all.
"""

from __future__ import annotations

import os
import platform
import sys
from datetime import date
from importlib.metadata import version
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import machine as machines  # noqa: E402
from growth import (  # noqa: E402
    LARGEST_EXPONENT,
    LARGEST_MULTIPLE,
    Growth,
    all_growth,
    all_memory,
)
from threadpoolctl import threadpool_limits  # noqa: E402
from timing import per_iteration  # noqa: E402
from workloads import Workload, all_workloads  # noqa: E402

from em_explorer.models import backend  # noqa: E402

RESULTS = Path(__file__).parent / "RESULTS.md"
NOTES = Path(__file__).parent / "NOTES.md"
"""What people found out about the goals that are missed; it ends up below the tables."""
PACKAGES = ("numpy", "scipy", "numba", "scikit-learn", "hmmlearn", "gensim")


def row(workload: Workload, machine: machines.Machine) -> tuple[str, float]:
    """Measure one workload; return its line of the table, and how often it met its goal."""
    times = per_iteration({"ours": workload.ours, **workload.peers}, repeats=workload.repeats)
    ours = times.pop("ours")
    best = min(times, key=times.__getitem__)
    ratio = times[best] / ours
    limit = workload.limit(machine)
    met = "yes" if ratio >= workload.goal else "**no**"
    peers = ", ".join(f"{name} {1e3 * value:.3g}" for name, value in times.items())
    line = (
        f"| {workload.title} | {1e3 * ours:.3g} | {peers} | **{ratio:.1f}×** | {workload.goal:g}× "
        f"| {met} | {1e3 * limit:.3g} | {ours / limit:.1f}× |"
    )
    return line, ratio / workload.goal


def table(machine: machines.Machine, words: list[str]) -> list[str]:
    """Measure all workloads whose titles hold the words."""
    lines = [
        "| workload | ours, ms | peers, ms | faster | goal | met | limit, ms | above limit |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for make in all_workloads():
        workload = make()
        if all(word in workload.title for word in words):
            line, _ = row(workload, machine)
            lines.append(line)
            print(line, flush=True)
    return lines


def growth_lines(found: list[Growth]) -> list[str]:
    """Tell how time grows."""
    lines = [
        "| workload | sizes | ms an iteration | exponent | at most | met |",
        "|---|---|---|---|---|---|",
    ]
    for each in found:
        sizes = ", ".join(f"{size:,.0f}" for size in each.sizes)
        times = ", ".join(f"{1e3 * value:.3g}" for value in each.times)
        met = "yes" if each.exponent <= LARGEST_EXPONENT else "**no**"
        lines.append(
            f"| {each.title} | {sizes} | {times} | {each.exponent:.2f} | {LARGEST_EXPONENT} "
            f"| {met} |"
        )
    return lines


def memory_lines(found: list[tuple[str, float]]) -> list[str]:
    """Tell how much memory fits take."""
    lines = ["| workload | peak, multiples of the data | below | met |", "|---|---|---|---|"]
    for title, multiple in found:
        met = "yes" if multiple < LARGEST_MULTIPLE else "**no**"
        lines.append(f"| {title} | {multiple:.2f} | {LARGEST_MULTIPLE:g} | {met} |")
    return lines


def processor() -> str:
    """Name the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((x.split(": ")[1] for x in lines if x.startswith("model name")), "")


def heading(machine: machines.Machine) -> list[str]:
    """Tell what was measured, how and on what."""
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    return [
        "# Side by side with the peers",
        "",
        "Written by `make bench`. One process, one thread each, taking turns; the least time of "
        "several counts, so that other programs on the machine disturb little. Milliseconds per "
        "iteration are the difference of a long and a short fit of the public estimators, or the "
        'time of the whole fit divided by its iterations where it says "whole fit". All begin at '
        "the same parameters and take the same number of iterations, without a test of "
        "convergence, and equally many turns within a document.",
        "",
        f"{date.today()}, {processor()}, {os.cpu_count()} cores, load {load} when it began; "
        f"Python {platform.python_version()}, {packages}; backend: {backend.choose().value}.",
        "",
        f"The machine's limits, one core: copying {machine.copy / 1e9:.1f} GB/s; exp "
        f"{1e9 * machine.exp:.2f} ns, log {1e9 * machine.log:.2f} ns each; matrix products "
        f"{machine.flops / 1e9:.0f} GFLOP/s; waiting for a·b + c "
        f"{1e9 * machine.fma:.2f} ns. A workload's limit is what its unavoidable "
        "operations would take at these rates (`machine.py` has the formulas).",
        "",
    ]


def main(words: list[str]) -> None:
    """Measure and write."""
    backend.set_threads(1)
    with threadpool_limits(1):
        if not backend.warm_up(lambda name, done, all_: print(f"{done}/{all_} {name}")):
            print("The kernels can't be compiled here; the reference is measured.")
        machine = machines.measure()
        lines = heading(machine)
        print("\n".join(lines))
        lines += table(machine, words)
        if not words:
            lines += ["", "## Growth", "", *growth_lines(all_growth())]
            lines += ["", "## Memory", "", *memory_lines(all_memory())]
            if NOTES.exists():
                lines += ["", NOTES.read_text(encoding="utf-8").rstrip()]
            RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")
            print("\n".join(lines))


if __name__ == "__main__":
    main(sys.argv[1:])
