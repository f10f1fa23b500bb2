import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score, silhouette_score

from em_explorer.models.clustering_scores import adjusted_rand_index, silhouette


@pytest.mark.parametrize("seed", range(5))
def test_the_scores_agree_with_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(700, 3)) + 3.0 * rng.integers(0, 3, (700, 1))
    truth, found = rng.integers(0, 4, 700), rng.integers(0, 3, 700)
    found[:400] = truth[:400]
    assert adjusted_rand_index(found, truth) == pytest.approx(
        adjusted_rand_score(truth, found), abs=1e-13
    )
    assert silhouette(points, found) == pytest.approx(silhouette_score(points, found), abs=1e-12)


def test_names_of_groups_do_not_matter_and_unknown_labels_do_not_count():
    truth = np.array([0, 0, 1, 1, 2, 2])
    assert adjusted_rand_index([2, 2, 0, 0, 1, 1], truth) == 1.0
    assert adjusted_rand_index([2, 2, 0, 0, 1, 0], [0, 0, 1, 1, 2, -1]) == 1.0
    assert adjusted_rand_index([0, 0, 0], [0, 0, 0]) == 1.0


def test_the_silhouette_of_hand_made_groups():
    # Distances 1 inside, 9, 10, 11 across; the lone third point of its group scores 0.
    points = np.array([[0.0], [1.0], [11.0]])
    expected = (1 - 1 / 11 + 1 - 1 / 10 + 0) / 3
    assert silhouette(points, [0, 0, 1]) == pytest.approx(expected, abs=1e-14)
    assert silhouette(points, [3, 3, 3]) is None
