import sys

import pytest


@pytest.fixture
def scheduler_process():
    """A client of a scheduler in a process of its own, with one GPU worker in another."""
    from distributed import Client
    from distributed.deploy import SubprocessCluster

    if sys.platform == "win32":
        pytest.skip("Dask starts no scheduler process there")
    with (
        SubprocessCluster(
            n_workers=1,
            threads_per_worker=1,
            worker_class="distributed.Worker",
            worker_kwargs={"resources": {"GPU": 1}},
            dashboard_address="127.0.0.1:0",
        ) as cluster,
        Client(cluster) as client,
    ):
        client.wait_for_workers(1)
        yield client
