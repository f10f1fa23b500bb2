"""The bundled tables: points for the mixture, holes for missing data."""

from __future__ import annotations

import numpy as np

from em_explorer.data.dataset import Dataset, Truth
from em_explorer.data.tables import codes, numbers, read_csv

MIXTURE = "gaussian_mixture"
MISSING = "missing_data"

_GEYSER_SOURCE = (
    "Azzalini, A. & Bowman, A. W. (1990), A look at some data on the Old Faithful geyser, "
    "Applied Statistics 39, 357–365"
)


def old_faithful() -> Dataset:
    """Return 272 eruptions: length and waiting time, both in minutes."""
    return Dataset(
        "old-faithful",
        "Old Faithful",
        MIXTURE,
        numbers(read_csv("faithful.csv"), "eruptions", "waiting"),
        columns=("eruption (min)", "waiting (min)"),
        story="272 eruptions of a geyser in Yellowstone: how long each lasted, and how long one "
        "then waited for the next. Short and long eruptions make two clouds that nobody labeled.",
        source=_GEYSER_SOURCE,
        options={"n_components": 2},
        noun="eruption",
    )


def old_faithful_waiting() -> Dataset:
    """Return the 272 waiting times alone, in minutes."""
    return Dataset(
        "old-faithful-waiting",
        "Old Faithful, waiting times",
        MIXTURE,
        numbers(read_csv("faithful.csv"), "waiting"),
        columns=("waiting (min)",),
        story="The 272 waiting times between eruptions of Old Faithful, without anything else. "
        "Their histogram has two humps, about 25 minutes apart.",
        source=_GEYSER_SOURCE,
        options={"n_components": 2},
        noun="eruption",
    )


def penguins() -> Dataset:
    """Return the 342 penguins with all four measures; the species is the truth."""
    columns = read_csv("penguins.csv")
    values = numbers(columns, "bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g")
    measured = ~np.isnan(values).any(axis=1)
    species, names = codes(columns["species"])
    return Dataset(
        "penguins",
        "Palmer penguins",
        MIXTURE,
        values[measured],
        columns=("bill length (mm)", "bill depth (mm)", "flipper (mm)", "body mass (g)"),
        symbols=names,
        truth=Truth(labels=species[measured]),
        story="342 penguins of three species from the Palmer Archipelago in Antarctica, measured "
        "in four ways. The mixture does not see the species; compare what it finds with them.",
        source="Horst, A. M., Hill, A. P. & Gorman, K. B. (2020), palmerpenguins (CC0); "
        "Gorman, Williams & Fraser (2014), PLoS ONE 9(3): e90081",
        options={"n_components": 3},
        noun="penguin",
    )


def galaxies() -> Dataset:
    """Return the velocities of 82 galaxies, in 1000 km/s."""
    return Dataset(
        "galaxies",
        "Galaxy velocities",
        MIXTURE,
        numbers(read_csv("galaxies.csv"), "velocity_km_s") / 1000.0,
        columns=("velocity (1000 km/s)",),
        story="How fast 82 galaxies of the Corona Borealis region recede from us. Clusters of "
        "velocities are clusters in space, but how many there are has been argued for decades.",
        source="Postman, M., Huchra, J. P. & Geller, M. J. (1986), Astronomical Journal 92, "
        "1238–1247; the usual copy, in which 26690 stands for 26960",
        options={"n_components": 4},
        noun="galaxy",
    )


def iris() -> Dataset:
    """Return 150 irises: four measures in cm; the species is the truth."""
    columns = read_csv("iris.csv")
    species, names = codes(columns["Species"])
    return Dataset(
        "iris",
        "Fisher's irises",
        MIXTURE,
        numbers(columns, "Sepal.Length", "Sepal.Width", "Petal.Length", "Petal.Width"),
        columns=("sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"),
        symbols=names,
        truth=Truth(labels=species),
        story="Sepals and petals of 150 irises of three species. One species stands apart, the "
        "other two touch, and different starts end in different answers.",
        source="Fisher, R. A. (1936), Annals of Eugenics 7, 179–188; measured by E. Anderson",
        options={"n_components": 3},
        noun="flower",
    )


def diabetes() -> Dataset:
    """Return 145 people: glucose, insulin and SSPG; the clinical class is the truth."""
    columns = read_csv("diabetes_reaven.csv")
    classes, names = codes(columns["class"])
    return Dataset(
        "diabetes",
        "Diabetes (Reaven & Miller)",
        MIXTURE,
        numbers(columns, "glucose", "insulin", "sspg"),
        columns=("glucose area (mg/dl·h)", "insulin area (µU/ml·h)", "SSPG (mg/dl)"),
        symbols=names,
        truth=Truth(labels=classes),
        story="Glucose, insulin and steady-state glucose of 145 adults: normal, chemically "
        "diabetic or overtly diabetic. The groups are wings of one shape, each with its own "
        "tilt, so only a mixture with full covariances can follow them.",
        source="Reaven, G. M. & Miller, R. G. (1979), Diabetologia 16, 17–24",
        options={"n_components": 3},
        noun="person",
    )


def airquality() -> Dataset:
    """Return 153 days of New York's air: ozone, sun, wind and temperature, with holes."""
    return Dataset(
        "airquality",
        "New York air",
        MISSING,
        numbers(read_csv("airquality.csv"), "Ozone", "Solar.R", "Wind", "Temp"),
        columns=("ozone (ppb)", "solar radiation (langley)", "wind (mph)", "temperature (°F)"),
        story="The air of New York on 153 days from May to September 1973. On 37 days ozone was "
        "not measured and on 7 the sunshine, but wind and temperature say much about both.",
        source="New York State Department of Conservation and the US National Weather Service; "
        "Chambers, J. M. et al. (1983), Graphical Methods for Data Analysis",
        noun="day",
    )


def nhanes() -> Dataset:
    """Return 25 people: age group, body mass index, hypertension, cholesterol, with holes."""
    return Dataset(
        "nhanes",
        "NHANES, 25 people",
        MISSING,
        numbers(read_csv("nhanes25.csv"), "age", "bmi", "hyp", "chl"),
        columns=(
            "age group (1–3)",
            "body mass index (kg/m²)",
            "hypertension (1 no, 2 yes)",
            "cholesterol (mg/dl)",
        ),
        story="Age group, body mass, blood pressure and cholesterol of 25 people; 27 of the 100 "
        "cells are empty. With so few people one sees how every imputed value leans on the rest.",
        source="Schafer, J. L. (1997), Analysis of Incomplete Multivariate Data, p. 237",
        noun="person",
    )


def tao_buoys() -> Dataset:
    """Return 736 days at moored buoys: sea and air temperature, humidity and wind, with holes."""
    return Dataset(
        "tao-buoys",
        "Pacific buoys",
        MISSING,
        numbers(
            read_csv("tao_buoys.csv"), "Sea.Surface.Temp", "Air.Temp", "Humidity", "UWind", "VWind"
        ),
        columns=(
            "sea temperature (°C)",
            "air temperature (°C)",
            "humidity (%)",
            "east wind (m/s)",
            "north wind (m/s)",
        ),
        story="Daily weather at buoys in the Pacific in 1993, an ordinary year, and in 1997, when "
        "El Niño came. Sensors failed for weeks: 177 cells are empty, most of them in humidity "
        "and air temperature.",
        source="Tropical Atmosphere Ocean array, NOAA Pacific Marine Environmental Laboratory",
        noun="day",
    )


def mammal_sleep() -> Dataset:
    """Return 62 mammals: body, brain, sleep, life, danger, with holes; four columns as log10.

    Total sleep is left out: it is the sum of the two kinds of sleep, and a covariance of a sum
    and its parts is singular.
    """
    columns = read_csv("mammal_sleep.csv")
    names = ("BodyWgt", "BrainWgt", "NonD", "Dream", "Span", "Gest", "Pred", "Exp", "Danger")
    values = numbers(columns, *names)
    logarithmic = [names.index(name) for name in ("BodyWgt", "BrainWgt", "Span", "Gest")]
    values[:, logarithmic] = np.log10(values[:, logarithmic])
    return Dataset(
        "mammal-sleep",
        "Sleep in mammals",
        MISSING,
        values,
        columns=(
            "body (log10 kg)",
            "brain (log10 g)",
            "deep sleep (h/day)",
            "dreaming (h/day)",
            "life span (log10 years)",
            "gestation (log10 days)",
            "predation (1–5)",
            "exposure (1–5)",
            "danger (1–5)",
        ),
        story="How 62 kinds of mammals sleep, from shrew to elephant, with their weight, life span "
        "and dangers. Sleep is hard to observe in the wild, so its columns have the most holes.",
        source="Allison, T. & Cicchetti, D. V. (1976), Science 194, 732–734",
        noun="mammal",
    )


def murray() -> Dataset:
    """Return Murray's 12 pairs, 8 of them half missing: a likelihood with two maxima."""
    hole = np.nan
    corners = [(1, 1), (1, -1), (-1, 1), (-1, -1)]
    only_first = [(2, hole), (2, hole), (-2, hole), (-2, hole)]
    only_second = [(second, first) for first, second in only_first]
    return Dataset(
        "murray",
        "Murray's saddle",
        MISSING,
        np.array(corners + only_first + only_second, dtype=float),
        columns=("first", "second"),
        story="Twelve pairs, eight with one value missing, invented to trap EM. Two correlations, "
        "+½ and −½, explain them equally well; exactly between them, at 0, EM stands still.",
        source="Murray, G. D. (1977), contribution to the discussion of Dempster, Laird & Rubin, "
        "Journal of the Royal Statistical Society B 39, 27–28; Wu, C. F. J. (1983)",
        noun="pair",
    )
