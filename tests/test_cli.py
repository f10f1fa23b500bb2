import socket
import subprocess
import sys
from pathlib import Path

import pytest

from em_explorer import __version__, cli, display
from em_explorer.session.document import Story

STORIES = [
    Story("old-faithful", "Old Faithful just works", "gaussian_mixture"),
    Story("casino", "The dishonest casino", "hidden_markov"),
]


@pytest.fixture(autouse=True)
def two_stories(monkeypatch):
    monkeypatch.setattr("em_explorer.session.document.list_stories", lambda: STORIES)


@pytest.fixture
def no_display(monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)


def _sentence(capsys) -> str:
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("em-explorer: ")
    assert err.count("\n") == 1
    return err


def test_version_and_help(capsys):
    for words, expected in (["--version"], f"em-explorer {__version__}"), (["--help"], "render"):
        with pytest.raises(SystemExit) as left:
            cli.main(words)
        assert left.value.code == 0
        assert expected in capsys.readouterr().out


def test_demos_are_listed_by_name_title_and_model(capsys):
    assert cli.main(["demos"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "old-faithful  Old Faithful just works  gaussian_mixture",
        "casino        The dishonest casino     hidden_markov",
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--bogus"], "--bogus"),
        (["--model", "hidden"], "did you mean hidden_markov?"),
        (["--model", "zzz"], "there are gaussian_mixture"),
        (["--demo", "old-fathful"], "did you mean old-faithful?"),
        (["nowhere.csv"], "'nowhere.csv'"),
        (["demos", "more"], "more"),
        (["render"], "DEMO"),
        (["render", "casino"], "--out"),
        (["render", "Casino", "--out", "x.png"], "did you mean casino?"),
        (["render", "casino", "--out", "x.bmp"], ".png or .gif"),
        (["render", "casino", "--out", "no/such/folder/x.png"], "no/such/folder"),
        (["render", "casino", "--out", "x.png", "--iterations", "-1"], "0 or more"),
        (["render", "casino", "--out", "x.png", "--iterations", "many"], "many"),
        (["render", "casino", "--out", "x.png", "--size", "big"], "1280x800"),
        (["render", "casino", "--out", "x.png", "--size", "10x10"], "320x240"),
        (["render", "casino", "--out", "x.png", "--theme", "pink"], "pink"),
    ],
)
def test_bad_arguments_are_one_sentence_and_2(words, said, capsys):
    assert cli.main(words) == 2
    assert said in _sentence(capsys)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux can lack a display")
@pytest.mark.parametrize("display_name", [None, ":987", "nonsense"])
def test_without_a_display_it_names_what_works_without(
    no_display, monkeypatch, capsys, display_name
):
    if display_name is not None:
        monkeypatch.setenv("DISPLAY", display_name)
    assert cli.main([]) == 2
    assert "em-explorer render old-faithful --out old-faithful.gif" in _sentence(capsys)


def test_a_platform_without_a_server_is_taken_at_its_word(no_display, monkeypatch):
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    assert display.has_display()
    assert display.missing_libraries() == []
    monkeypatch.setattr(display.sys, "platform", "darwin")
    monkeypatch.delenv("QT_QPA_PLATFORM")
    assert display.has_display()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Wayland")
def test_a_wayland_screen_is_found_by_its_socket(no_display, monkeypatch, tmp_path: Path):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-7")
    assert not display.has_display()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(tmp_path / "wayland-7"))
        server.listen(1)
        assert display.has_display()


def test_missing_libraries_are_one_line_to_run(monkeypatch, capsys):
    monkeypatch.setattr(cli, "has_display", lambda: True)
    monkeypatch.setattr(cli, "missing_libraries", lambda: ["libxcb-cursor0"])
    assert cli.main([]) == 2
    assert "sudo apt-get install -y libxcb-cursor0" in _sentence(capsys)


def test_the_window_gets_what_was_asked_for(monkeypatch, tmp_path: Path):
    asked = []

    def run(*positional, **named):
        asked.append((positional, named))
        return 0

    data = tmp_path / "data.csv"
    data.write_text("a,b\n1,2\n")
    monkeypatch.setattr("em_explorer.ui.app.run", run)
    monkeypatch.setattr(cli, "has_display", lambda: True)
    monkeypatch.setattr(cli, "missing_libraries", list)
    assert cli.main(["--demo", "casino", "--play"]) == 0
    assert cli.main(["--model", "missing_data", str(data), "--theme", "dark"]) == 0
    assert asked == [
        ((None, "casino", True), {"file": None, "theme": None}),
        (("missing_data", None, False), {"file": data, "theme": "dark"}),
    ]


def test_python_m_runs_it():
    done = subprocess.run(
        [sys.executable, "-m", "em_explorer", "--version"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout.strip()) == (0, f"em-explorer {__version__}")
