"""Every kind of cluster, way to compute, work and policy: all runs where it was planned.

On each cluster a policy plans device tasks and copies, and the workers count what they do. Where
they count by process, the GPU worker must have all device tasks and the others none.
"""

import contextlib
import sys

import dask
import dask.array as da
import numpy as np
import pytest
import xarray as xr
from distributed import Client
from distributed.deploy import SubprocessCluster

import spanwise as sw
from spanwise.kernels.transfer import LOG
from spanwise.schedulers import MixedCluster, place_on, placement
from spanwise.schedulers.records import RECORDS

POLICIES = ["cpu", "gpu", "data", "cost"]


def chain(x):
    """Transforms along axes that no chunk cuts, and what is elementwise between them."""
    return sw.fft.irfft(abs(sw.fft.rfft(x)) * 2 + 1)


def across(x):
    """A transform along every axis, the cut one as well."""
    return sw.fft.ifftn(sw.fft.fftn(x) * 2).real


def reduced(x):
    """Sums over chunks of a spectrum."""
    return (abs(sw.fft.fft(x)) ** 2).sum(axis=0)


def fitted(x):
    """Labels of a fit, which itself computes several times."""
    rows = x.reshape(-1, x.shape[-1])
    return sw.cluster.KMeans(3, random_state=0, max_passes=4).fit(rows).labels_


WORKS = {work.__name__: work for work in (chain, across, reduced, fitted)}


def computed(y, folder):
    return y.compute()


def persisted(y, folder):
    kept = y.persist()
    assert kept.name == y.name
    return kept.compute()


def of_xarray(y, folder):
    labelled = xr.DataArray(y, dims=[f"d{i}" for i in range(y.ndim)])
    out = labelled.compute()
    assert isinstance(out.data, np.ndarray)
    return out.data


def to_zarr(y, folder):
    labelled = xr.DataArray(y, dims=[f"d{i}" for i in range(y.ndim)], name="v")
    labelled.to_dataset().to_zarr(folder / "v.zarr", consolidated=False)
    with xr.open_zarr(folder / "v.zarr", consolidated=False) as stored:
        return stored.v.values


def several(y, folder):
    out, total = dask.compute(y, y[..., ::2])
    np.testing.assert_array_equal(total, out[..., ::2])
    return out


WAYS = {way.__name__: way for way in (computed, persisted, of_xarray, to_zarr, several)}


@contextlib.contextmanager
def in_this_process():
    with MixedCluster(cpu=1, gpu=1, device="hostfree", processes=False) as client:
        yield client


@contextlib.contextmanager
def in_other_processes():
    """A scheduler that is not ours, a CPU worker and a GPU worker, each a process."""
    options = {
        "threads_per_worker": 1,
        "worker_class": "distributed.Worker",
        "dashboard_address": "127.0.0.1:0",
    }
    with contextlib.ExitStack() as stack:
        gpu = {"resources": {"GPU": 1}}
        cluster = stack.enter_context(SubprocessCluster(n_workers=1, worker_kwargs=gpu, **options))
        cluster.worker_spec["cpu"] = {
            **cluster.worker_spec[0],
            "options": {**cluster.worker_spec[0]["options"], "worker_kwargs": {}},
        }
        client = stack.enter_context(Client(cluster))
        cluster.sync(cluster._correct_state)
        client.wait_for_workers(2, timeout=60)
        stack.enter_context(place_on(client))
        yield client


CLUSTERS = [
    pytest.param(in_this_process, id="in-process"),
    pytest.param(
        in_other_processes,
        id="remote",
        marks=[
            pytest.mark.slow,
            pytest.mark.skipif(sys.platform == "win32", reason="Dask starts no scheduler there"),
        ],
    ),
]


@pytest.fixture(scope="module", params=CLUSTERS)
def cluster(request, untroubled_by_the_process):
    with request.param() as client:
        yield client


@pytest.fixture
def client(cluster):
    cluster.run(_forget)
    with cluster.as_current():
        yield cluster


def _forget():
    RECORDS.clear()
    LOG.reset()


@pytest.fixture
def x():
    values = np.random.default_rng(5).normal(size=(8, 6, 10))
    return da.from_array(values, chunks=(3, 3, 10))


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("work", WORKS)
def test_all_ran_where_it_was_planned(client, x, work, way, policy, tmp_path):
    with placement("cpu"):
        expected = WORKS[work](x).compute(scheduler="sync")
    with placement(policy, device="hostfree"):
        y = WORKS[work](x)  # a fit computes here
        client.run(_forget)
        planned = sw.explain(y).totals
        got = WAYS[way](y, tmp_path)
        report = sw.report(y)
    np.testing.assert_allclose(got, expected, atol=1e-12)
    assert report.as_planned, str(report)
    assert bool(report.rows) == (policy == "gpu")
    check_workers(client, sum(row.planned for row in report.rows))
    assert counts_of(client) == (
        (planned.to_device.number, planned.to_device.bytes),
        (planned.to_host.number, planned.to_host.bytes),
    )


def counts_of(client):
    """Copies of all processes, in number and bytes: to devices, to the host."""
    answers = dict(client.run(_counts_of_process).values())
    return tuple(map(tuple, np.sum(list(answers.values()), axis=0)))


def _counts_of_process():
    sides = (LOG.to_device, LOG.to_host)
    return RECORDS.identity, [(side.copies, side.bytes) for side in sides]


def check_workers(client, tasks):
    """All device tasks ran on the GPU worker, where workers are processes of their own."""
    answers = client.run(_tasks_of_process)
    if len({identity for identity, _ in answers.values()}) == 1:
        assert next(iter(answers.values()))[1] == tasks
        return
    workers = client.scheduler_info(n_workers=-1)["workers"]
    for address, (_, number) in answers.items():
        assert number == (tasks if workers[address]["resources"].get("GPU") else 0)


def _tasks_of_process():
    return RECORDS.identity, sum(record.on_device for record in RECORDS.snapshot().values())
