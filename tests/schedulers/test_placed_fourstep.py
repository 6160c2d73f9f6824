"""Transforms in four steps on devices: slices move on the host, blocks are worked on there."""

import dask
import dask.array as da
import numpy as np
import pytest
import scipy.fft

import spanwise as sw
from spanwise.graph import whole
from spanwise.graph.dask import lower_fft, spec_of
from spanwise.graph.fft import plan_fft
from spanwise.kernels.transfer import LOG
from spanwise.machine import Machine
from spanwise.schedulers import MixedCluster, placement

MACHINES = {
    "view": Machine(2, 2**30),
    "split": Machine(1, 2**30, workers=2, distributed=True),
    "staged": Machine(2, 11_000),
}


@pytest.fixture(scope="module")
def client(untroubled_by_the_process):
    with (
        pytest.MonkeyPatch.context() as patch,
        MixedCluster(cpu=2, gpu=1, device="hostfree", processes=False) as client,
    ):
        patch.setattr(whole, "ONE_TASK_BYTES", 0)
        yield client


def transform(x, kind, n, machine, store, order="natural"):
    how = plan_fft(
        spec_of(x),
        kind=kind,
        axes=(0,),
        lengths=(n,),
        norm=None,
        machine=machine,
        operation=kind,
        order=order,
    )
    assert any("four steps" in stage.reason for stage in how.stages if hasattr(stage, "reason"))
    return lower_fft(x, how, store_root=str(store))


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(
    ("kind", "dtype"),
    [("fft", "complex128"), ("fft", "float64"), ("rfft", "float64"), ("irfft", "complex128")],
)
def test_blocks_are_worked_on_where_the_device_is(kind, dtype, machine, client, tmp_path):
    rng = np.random.default_rng(0)
    values = rng.standard_normal(601 if kind == "irfft" else 1200).astype(dtype)
    kept = values.copy()
    x = da.from_array(values, chunks=(150,), asarray=False)
    want = getattr(scipy.fft, kind)(values, n=1200)
    with client.as_current(), placement("gpu", device="hostfree"):
        y = transform(x, kind, 1200, MACHINES[machine], tmp_path)
        planned = sw.explain(y).totals
        LOG.reset()
        got, same = dask.compute(y, x)
    assert LOG.to_device.copies == planned.to_device.number > 0
    assert LOG.to_device.bytes == planned.to_device.bytes
    assert LOG.to_host.bytes == planned.to_host.bytes
    assert type(got) is np.ndarray
    assert got.dtype == want.dtype
    np.testing.assert_allclose(got, want, atol=1e-10)
    np.testing.assert_array_equal(same, kept)
    np.testing.assert_array_equal(values, kept)


@pytest.mark.parametrize("machine", MACHINES)
def test_decimated_order_is_taken_back_by_a_device(machine, client, tmp_path):
    x = da.from_array(np.random.default_rng(0).standard_normal(1200), chunks=(150,))
    with client.as_current(), placement("gpu", device="hostfree"):
        for there, back in (("fft", "ifft"), ("rfft", "irfft")):
            spectrum = transform(x, there, 1200, MACHINES[machine], tmp_path, "decimated")
            y = transform(spectrum, back, 1200, MACHINES[machine], tmp_path, "decimated")
            np.testing.assert_allclose(y.compute(), x.compute(scheduler="sync"), atol=1e-12)
