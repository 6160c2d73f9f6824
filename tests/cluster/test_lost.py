"""Fits on worker processes that are killed in the middle."""

import os
import signal

import dask
import dask.array as da
import numpy as np
import pytest
from distributed import Client, LocalCluster

from spanwise.cluster import KMeans

pytestmark = pytest.mark.slow

X = np.random.default_rng(0).standard_normal((25_000, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def client():
    """Two worker processes, started again when they die."""
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 10}),
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address="127.0.0.1:0",
            host="127.0.0.1",
            memory_limit="1GiB",
            silence_logs=50,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


@pytest.mark.parametrize("cached", [True, False])
@pytest.mark.parametrize("method", ["coreset", "lloyd"])
def test_a_worker_killed_in_mid_fit_changes_nothing(client, method, cached):
    expected = KMeans(4, method=method, random_state=0, max_iter=8).fit(X)
    client.wait_for_workers(2, timeout=60)
    x = da.from_array(X, chunks=(2500, 3))
    plan = KMeans(4, method=method, random_state=0, max_iter=8).fit(x).plan_
    killed = []

    def kill_one(*state):
        if not killed:
            (address, *_) = client.scheduler_info()["workers"]
            killed.append(address)
            os.kill(client.run(os.getpid, workers=[address])[address], signal.SIGKILL)

    memory = None if cached else max(step.peak_bytes for step in plan.steps[1:]) - 1
    options = {"method": method, "random_state": 0, "max_iter": 8, "memory": memory}
    model = KMeans(4, callback=kill_one, **options).fit(x)
    assert killed
    assert (model.plan_.steps[0].pattern == "cached") == cached
    np.testing.assert_array_equal(model.cluster_centers_, expected.cluster_centers_)
    np.testing.assert_array_equal(model.labels_, expected.labels_)
    assert model.inertia_ == expected.inertia_
