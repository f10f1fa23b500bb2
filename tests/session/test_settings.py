from __future__ import annotations

import pytest

from em_explorer.session import settings as module
from em_explorer.session.settings import Settings, load_settings, save_settings


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    path = tmp_path / "deep" / "settings.toml"
    monkeypatch.setattr(module, "settings_file", lambda: path)
    return path


def test_settings_come_back():
    save_settings(Settings(theme="dark", animate=False))
    assert load_settings() == Settings(theme="dark", animate=False)


def test_spoiled_settings_start_anew(elsewhere):
    elsewhere.parent.mkdir()
    elsewhere.write_text("theme = = 3")
    assert load_settings() == Settings()
    elsewhere.write_text("theme = 3\nanimate = false")
    assert load_settings() == Settings(animate=False)


def test_a_read_only_home_is_no_trouble(elsewhere):
    elsewhere.parent.write_text("a file where the folder should be")
    save_settings(Settings(theme="dark"))
    assert load_settings() == Settings()
