import numpy as np
import pytest

from spanwise.kernels.seeding import greedy_kmeans_plusplus, random_rows


def blobs(dtype=np.float64):
    rng = np.random.default_rng(0)
    centers = np.array([[0, 0], [10, 0], [0, 10], [10, 10]])
    return (np.repeat(centers, 50, axis=0) + rng.normal(0, 0.1, (200, 2))).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_each_distant_group_gets_a_centre(dtype):
    for seed in range(5):
        chosen = greedy_kmeans_plusplus(blobs(dtype), np.ones(200), 4, np.random.default_rng(seed))
        assert sorted(chosen // 50) == [0, 1, 2, 3]


def test_rows_without_weight_are_not_chosen():
    weights = np.ones(200)
    weights[:100] = 0
    for seed in range(5):
        chosen = greedy_kmeans_plusplus(blobs(), weights, 6, np.random.default_rng(seed))
        assert (chosen >= 100).all()


def test_heavy_rows_are_chosen_first():
    weights = np.full(200, 1e-9)
    weights[77] = 1
    assert greedy_kmeans_plusplus(blobs(), weights, 1, np.random.default_rng(0))[0] == 77


def test_equal_rows_still_give_as_many_centres():
    chosen = greedy_kmeans_plusplus(np.ones((5, 2)), np.ones(5), 3, np.random.default_rng(0))
    assert chosen.shape == (3,)


def test_random_rows_are_different_and_follow_the_weights():
    weights = np.array([0.0, 1.0, 0.0, 3.0])
    counts = np.zeros(4)
    for seed in range(200):
        counts[random_rows(weights, 1, np.random.default_rng(seed))] += 1
    assert counts[0] == counts[2] == 0
    assert 0.6 < counts[3] / 200 < 0.9
    chosen = random_rows(np.ones(10), 10, np.random.default_rng(0))
    assert chosen.tolist() == list(range(10))
