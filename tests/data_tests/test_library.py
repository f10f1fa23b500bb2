import subprocess
import sys

import numpy as np
import pytest

from em_explorer.data import assets
from em_explorer.data.assets import asset
from em_explorer.data.letters import LETTERS, english_prose, letter_codes, only_letters
from em_explorer.data.library import bundled, load_bundled
from em_explorer.em.errors import DataError
from em_explorer.em.options import controls
from em_explorer.registry import MODELS, entry, load

SHAPES = {
    "old-faithful": (272, 2),
    "old-faithful-waiting": (272, 1),
    "penguins": (342, 4),
    "iris": (150, 4),
    "galaxies": (82, 1),
    "diabetes": (145, 3),
    "three-blobs": (1000, 2),
    "casino": (300,),
    "earthquakes": (107,),
    "nile": (100,),
    "vowels": (4000,),
    "geyser": (299,),
    "alofi-rain": (1096,),
    "discoveries": (100,),
    "lambda-phage": (48_502,),
    "three-state-chain": (1000,),
    "bars": (500, 25),
    "austen": (269, 400),
    "small-topics": (100, 24),
    "correlated-normals": (1000, 2),
    "airquality": (153, 4),
    "nhanes": (25, 4),
    "tao-buoys": (736, 5),
    "mammal-sleep": (62, 9),
    "murray": (12, 2),
    "three-normals": (1000, 3),
}
NAMES = [row.name for row in bundled()]


def test_every_set_is_listed_once_and_under_a_model():
    assert sorted(NAMES) == sorted(SHAPES)
    by_model = {row.key: [b.name for b in bundled(row.key)] for row in MODELS}
    assert sum(map(len, by_model.values())) == len(NAMES)
    assert min(map(len, by_model.values())) >= 3


@pytest.mark.parametrize("name", NAMES)
def test_a_set_loads_says_what_it_is_and_suits_its_model(name):
    (row,) = (b for b in bundled() if b.name == name)
    dataset = load_bundled(name)
    assert (dataset.name, dataset.title, dataset.model) == (row.name, row.title, row.model)
    values = getattr(dataset.values, "observations", dataset.values)
    assert values.shape == SHAPES[name]
    assert dataset.story.endswith((".", "?"))
    assert dataset.source
    if dataset.model == "latent_dirichlet":
        assert (len(dataset.documents), len(dataset.vocabulary)) == values.shape
    else:
        assert len(dataset.columns) == (values.shape[1] if values.ndim == 2 else 1)
    if dataset.index is not None:
        assert dataset.index.shape == (len(values),)
        assert dataset.index_label

    row = entry(dataset.model)
    assert set(dataset.options) <= set(controls(load(row.options)))
    model = load(row.model)(load(row.options)(**dataset.options))
    data = model.prepare(dataset.values)
    assert model.n_observations(data) > 0
    params = model.initialize(data, np.random.default_rng(0))
    assert params is not None


def test_an_unknown_name_lists_the_known():
    with pytest.raises(DataError, match=r"no bundled set 'faithful'.*old-faithful"):
        load_bundled("faithful")


def test_arrays_of_a_set_are_read_only():
    dataset = load_bundled("iris")
    assert not dataset.values.flags.writeable
    assert not dataset.truth.labels.flags.writeable


def test_old_faithful_has_its_known_moments():
    values = load_bundled("old-faithful").values
    np.testing.assert_allclose(values.mean(axis=0), [3.48778309, 70.89705882], rtol=1e-8)
    np.testing.assert_array_equal(load_bundled("old-faithful-waiting").values[:, 0], values[:, 1])


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("penguins", {"Adelie": 151, "Gentoo": 123, "Chinstrap": 68}),
        ("iris", {"setosa": 50, "versicolor": 50, "virginica": 50}),
        ("diabetes", {"Normal": 76, "Chemical": 36, "Overt": 33}),
    ],
)
def test_true_classes_have_their_known_sizes(name, sizes):
    dataset = load_bundled(name)
    counts = np.bincount(dataset.truth.labels)
    assert dict(zip(dataset.symbols, counts.tolist(), strict=True)) == sizes
    assert np.isfinite(dataset.values).all()


@pytest.mark.parametrize(
    ("name", "holes"),
    [
        ("airquality", [37, 7, 0, 0]),
        ("nhanes", [0, 9, 8, 10]),
        ("tao-buoys", [3, 81, 93, 0, 0]),
        ("mammal-sleep", [0, 0, 14, 12, 4, 4, 0, 0, 0]),
        ("murray", [4, 4]),
    ],
)
def test_holes_are_where_they_should_be(name, holes):
    assert np.isnan(load_bundled(name).values).sum(axis=0).tolist() == holes


def test_symbols_of_sequences_have_their_known_counts():
    def counts(name):
        return np.bincount(load_bundled(name).values.observations).tolist()

    assert counts("geyser") == [105, 194]
    assert counts("alofi-rain") == [548, 295, 253]
    assert counts("lambda-phage") == [12334, 11362, 12820, 11986]
    assert load_bundled("discoveries").values.observations.sum() == 310
    nile = load_bundled("nile")
    assert nile.index[[0, -1]].tolist() == [1871, 1970]
    assert nile.values.observations[0] == 1120.0
    quakes = load_bundled("earthquakes")
    assert quakes.index[[0, -1]].tolist() == [1900, 2006]
    assert quakes.values.observations[:3].tolist() == [13, 14, 8]


def test_austen_counts_and_names():
    austen = load_bundled("austen")
    assert austen.values.sum() == 69_679
    assert austen.documents[0] == "Sense & Sensibility 1"
    assert sum(name.startswith("Emma ") for name in austen.documents) == 55
    assert austen.vocabulary[0] == "absence"


def test_murray_sits_on_its_saddle():
    # With mean 0, variance 5/2 and correlation 0, log-likelihood −30.0333 (Murray 1977).
    seen = load_bundled("murray").values
    seen = seen[~np.isnan(seen)]
    value = -0.5 * np.sum(np.log(2 * np.pi * 2.5) + seen**2 / 2.5)
    assert value == pytest.approx(-30.0333, abs=5e-5)


def test_letters_are_english():
    text = english_prose()
    assert text == english_prose()
    assert len(text) == 25_000
    assert set(text) <= set(" abcdefghijklmnopqrstuvwxyz")
    assert "  " not in text
    shares = np.bincount(letter_codes(text), minlength=27) / len(text)
    assert {LETTERS[i] for i in np.argsort(shares)[-3:]} == {"␣", "e", "t"}
    assert 0.12 < shares[0] < 0.22


def test_text_is_folded_to_27_symbols():
    assert only_letters("Éa – 3 x's!\n") == "ea x s"
    assert letter_codes("a b\nz").tolist() == [1, 0, 2, 0, 26]


def test_the_library_needs_neither_pandas_nor_sklearn_nor_qt():
    code = (
        "import sys\n"
        "from em_explorer.data.library import bundled\n"
        "[row.load() for row in bundled()]\n"
        "print([m for m in ('pandas', 'sklearn', 'PySide6') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_assets_are_found_in_a_checkout_and_in_a_wheel(tmp_path, monkeypatch):
    assert asset("data", "faithful.csv").is_file()
    wheel, checkout = tmp_path / "wheel", tmp_path / "checkout"
    for root in (wheel, checkout):
        root.mkdir()
        (root / "x.txt").write_text("x")
    (checkout / "y.txt").write_text("y")
    monkeypatch.setattr(assets, "_ROOTS", (wheel, checkout))
    assert asset("x.txt") == wheel / "x.txt"
    assert asset("y.txt") == checkout / "y.txt"
    with pytest.raises(DataError, match=r"data/z\.csv is missing; install"):
        asset("data", "z.csv")


def test_every_bundled_file_has_its_row_of_provenance():
    rows = asset("data", "PROVENANCE.md").read_text(encoding="utf-8")
    files = sorted(asset("data").glob("*.csv"))
    assert len(files) == 18
    for file in files:
        assert f"| {file.name} |" in rows
