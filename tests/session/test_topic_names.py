"""Names of topics outlive the window."""

from __future__ import annotations

import pytest

from em_explorer.session.topic_names import load_names, names_file, save_names


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    for name in ("XDG_DATA_HOME", "HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path))


def test_names_come_back_for_the_fit_they_were_given_to():
    save_names("austen, 6 topics", {0: "Bennets", 5: "Bath “spa”"})
    save_names("austen, 5 topics", {2: "Emma"})
    assert load_names("austen, 6 topics") == {0: "Bennets", 5: "Bath “spa”"}
    assert load_names("austen, 5 topics") == {2: "Emma"}
    assert load_names("bars") == {}


def test_no_names_leave_nothing_behind():
    save_names("a", {1: "x"})
    save_names("a", {})
    assert load_names("a") == {}
    assert "a" not in names_file().read_text("utf-8")


def test_a_spoiled_file_means_no_names():
    names_file().parent.mkdir(parents=True, exist_ok=True)
    names_file().write_text("this is = no [toml", encoding="utf-8")
    assert load_names("a") == {}
    names_file().write_text('a = 3\n[b]\n0 = "no topic"\nx = "nor this"\n2 = 5\n', encoding="utf-8")
    assert load_names("a") == {}
    assert load_names("b") == {}


def test_the_oldest_fits_are_forgotten(monkeypatch):
    monkeypatch.setattr("em_explorer.session.topic_names.MOST_KEPT", 3)
    for i in range(5):
        save_names(f"fit {i}", {0: "x"})
    assert [load_names(f"fit {i}") for i in range(5)] == [{}, {}, {0: "x"}, {0: "x"}, {0: "x"}]
