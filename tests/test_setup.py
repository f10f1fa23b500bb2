"""The script that brings system libraries, with every command it calls replaced by a stub."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / ".ci" / "system-libraries"
OFFSCREEN = [
    "libGL.so.1",
    "libEGL.so.1",
    "libxkbcommon.so.0",
    "libdbus-1.so.3",
    "libfontconfig.so.1",
    "libglib-2.0.so.0",
]
WINDOW = [
    "libxcb-cursor.so.0",
    "libxkbcommon-x11.so.0",
    "libxcb-icccm.so.4",
    "libxcb-keysyms.so.1",
    "libxcb-shape.so.0",
]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell script")


@pytest.fixture
def machine(tmp_path: Path):
    """Run the script on a machine with these libraries, as this user."""

    def run(need: str, libraries: list[str], user: int = 1000, **environment: str):
        stubs = {
            "ldconfig": "\n".join(f"echo '\tlib{name} (libc6,x86-64) => x'" for name in libraries),
            "id": f"echo {user}",
            "apt-get": f'echo "$@" >> {tmp_path}/apt.log',
            "Xvfb": "",
        }
        for name, body in stubs.items():
            (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
            (tmp_path / name).chmod(0o755)
        done = subprocess.run(
            ["/bin/sh", SCRIPT, need, sys.executable],
            env={"PATH": str(tmp_path), **environment},
            capture_output=True,
            text=True,
            timeout=30,
        )
        log = tmp_path / "apt.log"
        return done, log.read_text().splitlines() if log.exists() else []

    return run


def test_nothing_missing_runs_nothing(machine):
    done, apt = machine("offscreen", OFFSCREEN, user=0)
    assert (done.returncode, done.stdout, done.stderr, apt) == (0, "", "", [])


def test_root_installs_exactly_what_is_missing(machine):
    libraries = [name for name in OFFSCREEN if name != "libEGL.so.1"]
    done, apt = machine("window", libraries + WINDOW[1:], user=0, DISPLAY=":0")
    assert done.returncode == 0
    assert apt[0].startswith("update")
    assert apt[1] == "install -y --no-install-recommends libegl1 libxcb-cursor0 -qq"


def test_others_are_told_the_one_line(machine):
    done, apt = machine("offscreen", OFFSCREEN[1:])
    assert done.returncode == 1
    assert "sudo apt-get install -y --no-install-recommends libgl1\n" in done.stderr
    assert apt == []


def test_a_window_without_a_display_wants_a_virtual_screen_but_does_not_insist(machine):
    if Path("/usr/sbin/xauth").exists():
        pytest.skip("xauth stands where the script looks")
    done, apt = machine("window", OFFSCREEN + WINDOW)
    assert done.returncode == 0
    assert done.stdout.rstrip().endswith("--no-install-recommends xauth")
    assert apt == []
