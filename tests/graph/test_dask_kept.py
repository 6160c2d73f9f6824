import dask.array as da
import numpy as np
import pytest

import spanwise as sw
from spanwise.cluster import KMeans
from spanwise.graph.dask import shares_ancestors
from spanwise.testing import CountingSource

X = np.random.default_rng(0).standard_normal((25_000, 4)).astype(np.float32)


def test_private_and_shared_ancestors_are_told_apart():
    x = da.from_array(X, chunks=(2500, 4))
    source = CountingSource(X, chunks=(2500, 2)).array
    for private in (x, 2 * x + 1, source, x[::2], da.concatenate([x, x]), x.rechunk((500, 4))):
        assert not shares_ancestors(private)
    assert not shares_ancestors(source.rechunk((2500, 4)))
    for shared in (x - x.mean(axis=0), source.rechunk((500, 4)), source.rechunk((3000, 4))):
        assert shares_ancestors(shared)


def room_for_sums(x, **options):
    """A budget for all but the rows."""
    plan = KMeans(4, random_state=0, **options).fit(x).plan_
    return max(step.peak_bytes for step in plan.steps[1:]) - 1


@pytest.mark.parametrize("what", ["rechunked", "standardized"])
def test_shared_ancestors_are_made_once_and_the_store_goes_with_the_fit(tmp_path, what):
    source = CountingSource(X, chunks=(2500, 4))
    x = source.array
    x = x.rechunk((3000, 4)) if what == "rechunked" else (x - x.mean(axis=0)).astype(np.float32)
    expected = KMeans(4, random_state=0).fit(x)
    small = room_for_sums(x)
    source.reset()
    with sw.set_options(temporary_store=str(tmp_path)):
        seen = []
        look = lambda *_: seen.append(len(list(tmp_path.iterdir())))  # noqa: E731
        model = KMeans(4, random_state=0, memory=small, callback=look).fit(x)
    assert set(source.reads.values()) == {1}
    assert model.plan_.steps[0].pattern == "staged"
    assert model.plan_.bytes_staged == x.nbytes
    assert min(seen) > 0
    assert not list(tmp_path.iterdir())
    np.testing.assert_array_equal(model.cluster_centers_, expected.cluster_centers_)
