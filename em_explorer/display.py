"""Is there a screen to open a window on? Asked before Qt, which aborts when there is none."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ctypes

XCB_LIBRARIES = {
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-shape.so.0": "libxcb-shape0",
}
"""What Qt loads for an X window, and the Debian packages that hold it."""


def has_display() -> bool:
    """Return whether Qt will find a screen.

    Only Linux and its relatives can lack one. A platform chosen through ``QT_QPA_PLATFORM`` is
    taken at its word, unless it is one that needs a server too.
    """
    if not sys.platform.startswith(("linux", "freebsd")):
        return True
    wanted = os.environ.get("QT_QPA_PLATFORM", "").split(";")[0].split(":")[0]
    if wanted and wanted != "xcb" and not wanted.startswith("wayland"):
        return True
    return _wayland_answers() or _x_answers()


def missing_libraries() -> list[str]:
    """Return the Debian packages without which an X window cannot open; empty elsewhere."""
    if not sys.platform.startswith("linux") or not os.environ.get("DISPLAY"):
        return []
    if os.environ.get("QT_QPA_PLATFORM", "xcb") != "xcb" or _wayland_answers():
        return []
    return [package for file, package in XCB_LIBRARIES.items() if _loaded(file) is None]


def _wayland_answers() -> bool:
    name = os.environ.get("WAYLAND_DISPLAY", "")
    if not name:
        return False
    import socket

    path = Path(os.environ.get("XDG_RUNTIME_DIR", "/")) / name
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as wire:
            wire.settimeout(2.0)
            wire.connect(str(path))
    except OSError:
        return False
    return True


def _x_answers() -> bool:
    if not os.environ.get("DISPLAY"):
        return False
    xcb = _loaded("libxcb.so.1")
    if xcb is None:
        return False
    import ctypes

    # The same call Qt makes: it knows every form of DISPLAY and the server's permission.
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connect.argtypes = [ctypes.c_char_p, ctypes.c_void_p]
    xcb.xcb_connection_has_error.argtypes = [ctypes.c_void_p]
    xcb.xcb_disconnect.argtypes = [ctypes.c_void_p]
    connection = xcb.xcb_connect(None, None)
    refused = bool(xcb.xcb_connection_has_error(connection))
    xcb.xcb_disconnect(connection)
    return not refused


def _loaded(file: str) -> ctypes.CDLL | None:
    import ctypes

    try:
        return ctypes.CDLL(file)
    except OSError:
        return None
