import dask.array as da
import numpy as np
import pytest

from spanwise.cluster import KMeans
from spanwise.errors import ArgumentError
from spanwise.testing import CountingSource

X = np.random.default_rng(0).standard_normal((25_000, 3)).astype(np.float32)


class InterruptedFitError(Exception):
    pass


def interrupt_after(sweeps):
    def callback(*_):
        nonlocal sweeps
        sweeps -= 1
        if sweeps == 0:
            raise InterruptedFitError

    return callback


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("sweeps", [1, 2, 3])
@pytest.mark.parametrize("method", ["coreset", "lloyd"])
def test_a_fit_that_was_interrupted_equals_one_that_was_not(tmp_path, sweeps, method, weighted):
    path = tmp_path / "fit.npz"
    weights = np.random.default_rng(1).random(len(X)) if weighted else None
    options = {"random_state": 3, "method": method}
    plan = KMeans(5, **options).fit(da.from_array(X, chunks=(4000, 3)), sample_weight=weights).plan_
    options["memory"] = max(step.peak_bytes for step in plan.steps[1:]) - 1
    whole = KMeans(5, **options).fit(X, sample_weight=weights)
    source = CountingSource(X, chunks=(4000, 3))
    with pytest.raises(InterruptedFitError):
        KMeans(5, **options, checkpoint=path, callback=interrupt_after(sweeps)).fit(
            source.array, sample_weight=weights
        )
    assert set(source.reads.values()) == {1 + sweeps}
    source.reset()
    rest = KMeans(5, **options, checkpoint=path).fit(source.array, sample_weight=weights)
    np.testing.assert_array_equal(rest.cluster_centers_, whole.cluster_centers_)
    assert (rest.inertia_, rest.n_iter_) == (whole.inertia_, whole.n_iter_)
    if method == "coreset":
        assert max(source.reads.values(), default=0) == 3 - sweeps
    source.reset()
    KMeans(5, **options, checkpoint=path).fit(source.array, sample_weight=weights)
    assert not source.reads
    assert [p.name for p in tmp_path.iterdir()] == ["fit.npz"]


def test_a_fit_without_a_seed_goes_on_with_the_one_it_had(tmp_path):
    path = tmp_path / "fit"
    with pytest.raises(InterruptedFitError):
        KMeans(5, checkpoint=path, callback=interrupt_after(1)).fit(X)
    first, second = (KMeans(5, checkpoint=path).fit(X) for _ in range(2))
    np.testing.assert_array_equal(first.cluster_centers_, second.cluster_centers_)


def test_another_fit_is_refused_by_what_differs(tmp_path):
    path = tmp_path / "fit"
    KMeans(5, random_state=0, checkpoint=path).fit(X)
    with pytest.raises(ArgumentError, match=r"n_clusters=\[5\] there, \[6\] here"):
        KMeans(6, random_state=0, checkpoint=path).fit(X)
    with pytest.raises(ArgumentError, match="random_state=0 there, 1 here"):
        KMeans(5, random_state=1, checkpoint=path).fit(da.from_array(X, chunks=(9000, 3)))
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(ArgumentError, match="no checkpoint of a fit"):
        KMeans(5, random_state=0, checkpoint=path).fit(X)


def test_a_checkpoint_holds_no_pickles(tmp_path):
    path = tmp_path / "fit"
    KMeans(5, random_state=0, checkpoint=path).fit(X)
    with np.load(path, allow_pickle=False) as file:
        assert all(file[name].dtype.kind != "O" for name in file.files)
