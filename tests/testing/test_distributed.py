import dask.array as da
import numpy as np
import pytest
from distributed import Client

from spanwise.testing import CountingSource, HostFree, count_computes, raise_if_computes

VALUES = np.arange(48.0).reshape(8, 6)


@pytest.fixture(scope="module")
def client():
    with Client(
        processes=False,
        n_workers=2,
        threads_per_worker=1,
        dashboard_address=None,
        protocol="tcp",
    ) as client:
        yield client


def test_hostfree_chunks_travel_between_workers(client):
    x = da.from_array(HostFree.copy_from_host(VALUES), chunks=(3, 2), asarray=False)
    y = (x.rechunk((8, 3)).T @ x).compute()
    assert isinstance(y, HostFree)
    np.testing.assert_allclose(y.copy_to_host(), VALUES.T @ VALUES)


def test_a_source_counts_reads_on_the_workers_of_this_process(client):
    source = CountingSource(VALUES, chunks=(4, 6))
    assert float(source.array.sum().compute()) == VALUES.sum()
    assert source.reads == {(0, 0): 1, (1, 0): 1}


def test_computes_of_the_default_client_are_counted(client):
    with count_computes() as count:
        assert float(da.ones(4, chunks=2).sum().compute()) == 4.0
    assert count.computes == 1
    with pytest.raises(AssertionError, match="nothing may compute"), raise_if_computes():
        da.ones(4, chunks=2).sum().compute()
