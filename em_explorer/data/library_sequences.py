"""The bundled sequences, for the hidden Markov model."""

from __future__ import annotations

from typing import Any

import numpy as np

from em_explorer.data.dataset import Dataset
from em_explorer.data.letters import LETTERS, english_prose, letter_codes
from em_explorer.data.tables import numbers, read_csv

HIDDEN_MARKOV = "hidden_markov"

LETTERS_TO_WATCH = 4000
"""Enough for vowels and consonants to part, and a step of EM takes no time to speak of."""


def one_sequence(observations: Any) -> Any:
    """Wrap a (T,) or (T, D) array as the model's raw input: a single sequence."""
    from em_explorer.models.sequences import Sequences

    return Sequences(observations, (len(observations),))


def earthquakes() -> Dataset:
    """Return the yearly number of great earthquakes, 1900–2006."""
    columns = read_csv("earthquakes.csv")
    return Dataset(
        "earthquakes",
        "Great earthquakes",
        HIDDEN_MARKOV,
        one_sequence(numbers(columns, "count")[:, 0].astype(np.int64)),
        columns=("earthquakes a year",),
        index=numbers(columns, "year")[:, 0],
        index_label="year",
        story="How many earthquakes of magnitude 7 or more the world had each year from 1900 to "
        "2006. Quiet and restless decades alternate, more than chance about one mean allows.",
        source="US Geological Survey; Zucchini, W. & MacDonald, I. L. (2009), Hidden Markov "
        "Models for Time Series, table 1.1",
        options={"n_states": 2, "emission": "poisson"},
    )


def nile() -> Dataset:
    """Return the yearly flow of the Nile at Aswan, 1871–1970, in 10⁸ m³."""
    columns = read_csv("nile.csv")
    return Dataset(
        "nile",
        "The Nile at Aswan",
        HIDDEN_MARKOV,
        one_sequence(numbers(columns, "flow_1e8m3")[:, 0]),
        columns=("flow (10⁸ m³)",),
        index=numbers(columns, "year")[:, 0],
        index_label="year",
        story="The yearly flow of the Nile at Aswan from 1871 to 1970. Around 1898 it fell, and "
        "stayed low; two hidden states find the year by themselves.",
        source="Cobb, G. W. (1978), Biometrika 65, 243–251",
        options={"n_states": 2, "emission": "gaussian"},
    )


def geyser() -> Dataset:
    """Return 299 eruptions of Old Faithful in time order, each short or long."""
    durations = numbers(read_csv("geyser_mass.csv"), "duration")[:, 0]
    return Dataset(
        "geyser",
        "Old Faithful in order",
        HIDDEN_MARKOV,
        # The night's eruptions were only noted as short, medium or long; 3 minutes parts them.
        one_sequence((durations >= 3.0).astype(np.int64)),
        columns=("eruption",),
        symbols=("short", "long"),
        index=np.arange(1.0, len(durations) + 1.0),
        index_label="eruption",
        story="299 eruptions of Old Faithful in August 1985, one after another, each short (under "
        "3 minutes) or long. A short one is always followed by a long one: the order tells "
        "what a histogram can't.",
        source="Azzalini, A. & Bowman, A. W. (1990), Applied Statistics 39, 357–365",
        options={"n_states": 2, "emission": "categorical"},
    )


def alofi_rain() -> Dataset:
    """Return 1,096 days of rain at Alofi, in three classes."""
    classes = numbers(read_csv("alofi_rain.csv"), "V1")[:, 0].astype(np.int64) - 1
    return Dataset(
        "alofi-rain",
        "Rain at Alofi",
        HIDDEN_MARKOV,
        one_sequence(classes),
        columns=("rain",),
        symbols=("dry", "1–5 mm", "6 mm or more"),
        index_label="day",
        story="Three years of daily rain at Alofi, on the Pacific island of Niue: dry, some, much. "
        "Wet and dry spells outlast single days, which is what a hidden state is for.",
        source="Avery, P. J. & Henderson, D. A. (1999), Applied Statistics 48, 53–61",
        options={"n_states": 2, "emission": "categorical"},
    )


def discoveries() -> Dataset:
    """Return the yearly number of great discoveries, 1860–1959."""
    columns = read_csv("discoveries.csv")
    return Dataset(
        "discoveries",
        "Great discoveries",
        HIDDEN_MARKOV,
        one_sequence(numbers(columns, "count")[:, 0].astype(np.int64)),
        columns=("discoveries a year",),
        index=numbers(columns, "year")[:, 0],
        index_label="year",
        story="How many great inventions and discoveries an almanac lists for each year from 1860 "
        "to 1959. Was there a golden age, or do chance and one mean explain the peaks?",
        source="The World Almanac and Book of Facts (1975), 315–318; McNeil, D. R. (1977), "
        "Interactive Data Analysis",
        options={"n_states": 2, "emission": "poisson"},
    )


def lambda_phage() -> Dataset:
    """Return the 48,502 bases of the genome of bacteriophage lambda."""
    bases = "".join(read_csv("lambda_phage.csv")["bases"])
    symbols = "ACGT"
    return Dataset(
        "lambda-phage",
        "A virus's genome",
        HIDDEN_MARKOV,
        one_sequence(np.array([symbols.index(base) for base in bases], dtype=np.int64)),
        columns=("base",),
        symbols=tuple(symbols),
        index=np.arange(1.0, len(bases) + 1.0),
        index_label="base",
        story="All 48,502 bases of bacteriophage lambda. Stretches rich in C and G alternate with "
        "stretches rich in A and T; the first half of the genome holds most of the former.",
        source="GenBank NC_001416.1; Churchill, G. A. (1989), Bulletin of Mathematical Biology 51, "
        "79–94",
        options={"n_states": 2, "emission": "categorical"},
    )


def vowels() -> Dataset:
    """Return the letters and spaces of an English text: 27 symbols."""
    return Dataset(
        "vowels",
        "Vowels emerge",
        HIDDEN_MARKOV,
        one_sequence(letter_codes(english_prose())[:LETTERS_TO_WATCH]),
        columns=("letter",),
        symbols=LETTERS,
        index_label="letter",
        story="4,000 letters and spaces of an English text, the guide that comes with Python. "
        "Two hidden states, told nothing about English, part vowels from consonants.",
        source="Text: Python's own documentation (PSF license). Idea: Cave, R. L. & Neuwirth, "
        "L. P. (1980), Hidden Markov models for English",
        options={"n_states": 2, "emission": "categorical", "n_symbols": 27},
    )
