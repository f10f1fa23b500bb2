"""The wheel: built, installed in a fresh environment, used from another folder."""

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from em_explorer.data.assets import asset

ROOT = Path(__file__).parents[1]
SOURCES = ("em_explorer", "assets", "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # Built from a copy: nothing left over in the checkout can come in, nothing is left in it.
    copy = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "*.nbi", "*.nbc")
            shutil.copytree(ROOT / name, copy / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, copy / name)
    _run([sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", "out"], copy)
    (built,) = (copy / "out").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def scripts(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of programs of a fresh environment that has the wheel.

    Its dependencies are those of the environment the tests run in: nothing is downloaded.
    """
    folder = tmp_path_factory.mktemp("fresh")
    _run([sys.executable, "-m", "venv", "--without-pip", str(folder)], ROOT)
    bin_folder = folder / ("Scripts" if os.name == "nt" else "bin")
    python = bin_folder / ("python.exe" if os.name == "nt" else "python")
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check"]
    _run([*pip, "install", "--quiet", "--no-deps", "--no-index", str(wheel)], ROOT)
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = Path(_run([str(python), "-c", where], folder).strip())
    # A line that is only a path adds the folder behind the environment's own packages, and leaves
    # that folder's editable installs alone.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return bin_folder


def _run(words: list[str], folder: Path) -> str:
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        words,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, f"{done.stdout[-1500:]}\n{done.stderr[-1500:]}"
    if words[0].endswith("em-explorer"):
        assert done.stderr == ""
    return done.stdout


def test_the_wheel_holds_the_package_and_its_files_and_nothing_else(wheel: Path):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    tops = {name.split("/")[0] for name in names}
    assert tops == {"em_explorer", f"{wheel.name.split('-py3')[0]}.dist-info"}
    held = {name.removeprefix("em_explorer/assets/") for name in names if "/assets/" in name}
    ours = {
        path.relative_to(asset()).as_posix()
        for path in asset().rglob("*")
        if path.is_file() and path.suffix != ".py" and "__pycache__" not in path.parts
    }
    assert held == {name for name in ours if not name.startswith("screenshots/")}
    assert {"data/faithful.csv", "themes/window.qss", "icons/play.svg"} <= held


def test_the_installed_program_finds_its_files_from_another_folder(scripts: Path, tmp_path: Path):
    code = "import em_explorer.data.assets as a; print(a.__file__); print(a.asset('stories'))"
    module, stories = _run([str(scripts / "python"), "-c", code], tmp_path).splitlines()
    assert Path(module).is_relative_to(scripts.parent)
    assert Path(stories).is_relative_to(scripts.parent)
    listed = _run([str(scripts / "em-explorer"), "demos"], tmp_path)
    assert "old-faithful " in listed


def test_the_installed_program_renders_a_demo_from_another_folder(scripts: Path, tmp_path: Path):
    words = [str(scripts / "em-explorer"), "render", "old-faithful", "--out", "x.png"]
    _run([*words, "--iterations", "2"], tmp_path)
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG\r\n")
