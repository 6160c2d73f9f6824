import json

import dask
import dask.array as da
import numpy as np
import pytest

import spanwise as sw
from spanwise.errors import ArgumentError, ArrayTypeError
from spanwise.kernels.transfer import LOG
from spanwise.schedulers import MixedCluster, placement
from spanwise.schedulers.records import RECORDS
from spanwise.schedulers.tables import WIDTH
from spanwise.testing import raise_if_computes
from spanwise.testing.hostfree_memory import limit_memory


@pytest.fixture(autouse=True)
def forgotten():
    RECORDS.clear()
    LOG.reset()


def smoothed(seed=0, chunks=(2, 16)):
    values = np.random.default_rng(seed).normal(size=(8, 16))
    x = da.from_array(values, chunks=chunks)
    return sw.fft.ifft(sw.fft.fft(x) * 2)


@pytest.fixture
def client():
    with MixedCluster(cpu=1, gpu=1, device="hostfree", processes=False) as client:
        yield client


def test_what_ran_is_told_beside_what_was_planned():
    with placement("gpu", device="hostfree"):
        y = smoothed()
        planned = sw.explain(y).totals
        y.compute()
        found = sw.report(y)
    (row,) = found.rows
    assert row.steps == "fft+mul+ifft"
    assert (row.planned, row.on_device, row.ran, row.missing) == (4, 4, 4, 0)
    assert found.as_planned
    assert found.to_device.number == planned.to_device.number == LOG.to_device.copies
    assert found.to_host.bytes == planned.to_host.bytes == LOG.to_host.bytes
    assert row.kernel_seconds > 0


def test_nothing_is_computed():
    with placement("gpu", device="hostfree"), raise_if_computes():
        found = sw.report(smoothed())
    assert [row.missing for row in found.rows] == [4]
    assert not found.as_planned
    assert "nothing is known of 4 of 4 planned tasks" in str(found)


def test_other_results_are_left_out_unless_nothing_is_asked_for():
    with placement("gpu", device="hostfree"):
        one, other = smoothed(1), smoothed(2)
        dask.compute(one, other)
        assert len(sw.report(one).rows) == 1
        assert len(sw.report((one, other)).rows) == 2
    assert len(sw.report().rows) == 2
    assert [row.planned for row in sw.report().rows] == [None, None]


def test_what_a_full_device_left_to_the_host_is_told_with_the_reason():
    with placement("gpu", device="hostfree"):
        y = smoothed(3)
        with limit_memory(16):
            y.compute()
        found = sw.report(y)
    (row,) = found.rows
    assert (row.on_device, sum(row.on_host.values())) == (0, 4)
    assert "4 of 4 tasks ran on the host: the device had no memory left" in str(found)
    assert "4 on the host instead" in str(found)


def test_work_of_the_host_is_no_part_of_it():
    with placement("cpu"):
        y = smoothed(4)
        y.compute()
        found = sw.report(y)
    assert found.rows == ()
    assert "spanwise.explain(x) says why" in str(found)


def test_workers_of_a_cluster_are_added_up(client):
    with client.as_current(), placement("gpu", device="hostfree"):
        y = smoothed(5)
        y.compute()
        for found in (sw.report(y), sw.report(y, client=client)):
            assert [(row.planned, row.on_device) for row in found.rows] == [(4, 4)]
            assert found.where == "1 GPU worker and 1 CPU worker"
    everything = sw.report(client)
    assert sum(row.on_device for row in everything.rows) == 4
    assert everything.events == ()


def test_text_json_and_html_hold_the_same():
    with placement("gpu", device="hostfree"):
        y = smoothed(6)
        y.compute()
        found = sw.report(y)
    text, page = str(found), found._repr_html_()
    assert all(len(line) <= WIDTH for line in text.splitlines())
    for part in ("fft+mul+ifft", "this process", "4 (1.0 KiB)"):
        assert part in text
        assert part in page
    (row,) = json.loads(found.to_json())["rows"]
    assert row["on_device"] == row["planned"] == row["to_device"]["number"] == 4


def test_wrong_arguments():
    with pytest.raises(ArrayTypeError, match=r"distributed\.Client"):
        sw.report(3)
    with pytest.raises(ArgumentError, match="placement='fastest'"):
        sw.report(smoothed(), policy="fastest")
