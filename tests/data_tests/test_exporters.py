import csv

import numpy as np
import pytest

from em_explorer.data.exporters import (
    history_table,
    params_table,
    posterior_table,
    values_table,
    write_table,
)
from em_explorer.data.generators import generate
from em_explorer.data.library import load_bundled
from em_explorer.data.loaders import load_file
from em_explorer.em.errors import DataError
from em_explorer.em.steps import RunOptions, em_steps
from em_explorer.em.trace import Trace
from em_explorer.models.gaussian_mixture import GaussianMixture, GaussianMixtureOptions


def read(path, delimiter=","):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, delimiter=delimiter))


def test_values_survive_to_the_last_bit(tmp_path):
    dataset = load_bundled("mammal-sleep")
    path = tmp_path / "out.csv"
    write_table(path, *values_table(dataset.values, dataset.columns))
    again = load_file(path, "missing_data")
    assert again.columns == dataset.columns
    np.testing.assert_array_equal(again.values, dataset.values)


def test_a_run_can_be_exported(tmp_path):
    model = GaussianMixture(GaussianMixtureOptions(n_components=2))
    data = model.prepare(load_bundled("old-faithful").values)
    trace = Trace(model, data)
    for snapshot in em_steps(
        model, data, model.initialize(data, np.random.default_rng(0)), RunOptions(3, 0.0)
    ):
        trace.append(snapshot)
    path = tmp_path / "history.tsv"
    write_table(path, *history_table(trace))
    rows = read(path, "\t")
    assert rows[0] == ["iteration", "phase", "bound", "log_likelihood"]
    assert [row[1] for row in rows[1:]] == ["start", *"EMEMEME"]
    assert rows[1][2:] == ["", ""]
    assert [float(row[2]) for row in rows[1:] if row[1] == "E"] == trace.bounds

    columns, table = posterior_table(trace.posterior(7).latent.responsibilities)
    assert columns == ("row", "likeliest component", "component 1", "component 2")
    assert len(table) == 272
    for row, best, *shares in table[:5]:
        assert sum(shares) == pytest.approx(1.0)
        assert shares[best - 1] == max(shares)
        assert row >= 1


def test_params_are_written_one_number_a_row():
    mixture = {r[:2]: r[2] for r in params_table(generate("far-and-near").truth.params)[1]}
    assert mixture["means", "1,0"] == 5.0
    assert len(mixture) == 3 + 3 + 3
    chain = {r[:2]: r[2] for r in params_table(generate("casino").truth.params)[1]}
    assert chain["emission.probs", "1,5"] == 0.5
    assert chain["transition_matrix", "0,0"] == 0.95
    assert len(chain) == 2 + 4 + 12


def test_what_cannot_be_written_is_said(tmp_path):
    with pytest.raises(DataError, match=r"“x\.csv” can't be written"):
        write_table(tmp_path / "no" / "x.csv", ("a",), [(1,)])
    with pytest.raises(DataError, match="A row has 2 cells for 1 columns"):
        write_table(tmp_path / "x.csv", ("a",), [(1, 2)])
    assert not (tmp_path / "x.csv").exists()
