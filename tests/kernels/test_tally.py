import numpy as np

from spanwise.kernels.tally import merge_tallies, tally

LABELS = np.array([0, 2, -1, 2, 2, -1], np.int32)[:, None]
WEIGHTS = np.array([1.0, 0.1, 5.0, 0.2, 0.3, 7.0])


def test_labels_below_zero_belong_to_no_cluster():
    found = tally(LABELS, None, 0, None, clusters=4)
    np.testing.assert_array_equal(found.counts, [1, 0, 3, 0])
    np.testing.assert_allclose(found.shares, [0.25, 0, 0.75, 0])


def test_weights_decide_the_share_and_parts_change_no_bit():
    whole = tally(LABELS, WEIGHTS, 0, None, clusters=3)
    parts = [tally(LABELS[a:b], WEIGHTS[a:b], a, None, clusters=3) for a, b in [(0, 2), (2, 6)]]
    merged = merge_tallies(parts[::-1])
    np.testing.assert_array_equal(merged.counts, whole.counts)
    np.testing.assert_array_equal(merged.shares, whole.shares)
    np.testing.assert_allclose(whole.shares, [1 / 1.6, 0, 0.6 / 1.6])


def test_no_weight_has_no_shares():
    found = tally(LABELS, 0 * WEIGHTS, 0, None, clusters=3)
    assert np.isnan(found.shares).all()
