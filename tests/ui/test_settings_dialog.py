"""The dialog of settings: what it asks for is kept, and counts."""

from __future__ import annotations

import os

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialogButtonBox

from em_explorer.em.trace import MEGABYTE
from em_explorer.models import backend
from em_explorer.session.settings import Settings, load_settings, save_settings
from em_explorer.ui.settings_dialog import SettingsDialog, usual_threads


@pytest.fixture(autouse=True)
def threads_as_before(monkeypatch):
    monkeypatch.setattr(backend, "_threads", backend.threads())


@pytest.fixture
def dialog(window):
    action = next(a for a in window.file_menu.actions() if a.text().startswith("&Settings"))
    action.trigger()
    return window.findChild(SettingsDialog)


def press(qtbot, dialog, button) -> None:
    box = dialog.findChild(QDialogButtonBox)
    qtbot.mouseClick(box.button(button), Qt.MouseButton.LeftButton)


def test_it_shows_what_is_kept_and_keeps_what_is_chosen(qtbot, window, dialog):
    assert dialog.isVisible()
    assert dialog.megabytes.value() == Settings().trace_megabytes
    assert dialog.threads.text() == f"Automatic ({usual_threads()})"
    dialog.megabytes.setValue(64)
    dialog.threads.setValue(1)
    with qtbot.waitSignal(dialog.chosen):
        press(qtbot, dialog, QDialogButtonBox.StandardButton.Ok)
    assert (load_settings().trace_megabytes, load_settings().threads) == (64, 1)
    assert backend.threads() == 1


def test_the_next_run_has_the_memory_chosen(qtbot, window, dialog):
    assert window.tab.controller.trace.budget == Settings().trace_megabytes * MEGABYTE
    dialog.megabytes.setValue(64)
    press(qtbot, dialog, QDialogButtonBox.StandardButton.Ok)
    window.tab.new_start()
    assert window.tab.controller.trace.budget == 64 * MEGABYTE


def test_cancel_keeps_nothing(qtbot, dialog):
    dialog.megabytes.setValue(64)
    press(qtbot, dialog, QDialogButtonBox.StandardButton.Cancel)
    assert load_settings() == Settings()


def test_other_settings_stay(qtbot, dialog):
    save_settings(Settings(theme="dark", animate=False))
    dialog.megabytes.setValue(128)
    press(qtbot, dialog, QDialogButtonBox.StandardButton.Ok)
    assert load_settings() == Settings(theme="dark", animate=False, trace_megabytes=128)


def test_nothing_out_of_range_can_be_entered(dialog):
    dialog.megabytes.setValue(1)
    dialog.threads.setValue(10_000)
    assert dialog.megabytes.value() == 16
    assert dialog.threads.value() == os.cpu_count()


def test_every_control_has_a_name(dialog):
    for control in (dialog.megabytes, dialog.threads):
        assert control.objectName()
        assert control.accessibleName()
        assert control.accessibleDescription()
