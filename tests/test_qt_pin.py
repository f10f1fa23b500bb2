import subprocess
import sys

CODE = """
from PySide6.QtCore import QObject
thing = QObject()
for _ in range(20_000):
    thing.setObjectName("a")
print("alive")
"""


def test_void_calls_do_not_use_up_none():
    """PySide6 6.12.0 loses a reference to None in every void call and aborts on Python 3.11."""
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.strip()) == (0, "alive"), done.stderr[-500:]
