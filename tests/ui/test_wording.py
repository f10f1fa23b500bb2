from __future__ import annotations

import math

import pytest

from em_explorer.ui.wording import count, nats, plain, signed, unit_of


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (-1130.26396, 6, "−1130.26"),
        (0.00012345, 3, "0.000123"),
        (0.0, 4, "0"),
        (1234567.0, 4, "1234567"),
        (1.5e-10, 4, "1.50×10⁻¹⁰"),
        (9.954417e-10, 3, "1.0×10⁻⁹"),
        (-9.96e11, 3, "−1.0×10¹²"),
        (-2.5e12, 3, "−2.5×10¹²"),
        (math.inf, 4, "∞"),
        (math.nan, 4, "–"),
    ],
)
def test_plain(value, digits, text):
    assert plain(value, digits) == text


def test_signed():
    assert signed(0.44) == "+0.440"
    assert signed(-0.44) == "−0.440"
    assert signed(0.0) == "0"


@pytest.mark.parametrize(
    ("value", "change", "text"),
    [
        (-1130.263960, None, "−1130.26"),
        (-1130.263960, 0.44, "−1130.26"),
        (-1130.263960, 0.0003, "−1130.26396"),
        (-1130.263960184, 3e-8, "−1130.263960184"),
    ],
)
def test_nats_show_the_last_change(value, change, text):
    assert nats(value, change) == text


def test_counts_and_units():
    assert count(1, "eruption") == "1 eruption"
    assert count(1204, "eruption") == "1,204 eruptions"
    assert count(2, "galaxy", "galaxies") == "2 galaxies"
    assert unit_of("waiting (min)") == ("waiting", "min")
    assert unit_of("waiting") == ("waiting", "")
