"""Every public function on device arrays: SciPy's answer, on the device, and nothing moved."""

import numpy as np
import pytest

import spanwise as sw
from spanwise.kernels.library import library_of
from spanwise.kernels.transfer import counted_transfers, to_host
from spanwise.testing.cases import all_cases
from spanwise.testing.support import measure_support

CASES = {case.function: case for case in all_cases()}
PHASES = {"signal.cross_phase"}
"""Functions that give angles, of which pi and -pi are the same."""
TRANSFORMS = [name for name in CASES if not name.startswith("cluster.")]


def parts_of(result):
    return result if isinstance(result, tuple) else (result,)


def beside(wanted, result, name):
    """The result on the host; angles without the whole turns that they are off."""
    got = to_host(computed(result))
    if name in PHASES:
        return (wanted + np.angle(np.exp(1j * (got - wanted)))).astype(got.dtype)
    return got


def computed(part):
    return part.compute() if hasattr(part, "dask") else part


@pytest.mark.parametrize("name", CASES)
def test_the_answer_is_scipys_and_stays_in_its_container_on_its_device(device, name):
    rows = measure_support([device.concrete, device.lazy], [CASES[name]])
    assert {row.refusal for row in rows} == {""}
    assert all(row.right for row in rows), rows
    assert all(row.container_kept and row.device_kept for row in rows), rows


def containers(device, case, dtype):
    """The data on the device, and in Dask chunks there: whole and cut."""
    values = case.values.astype(np.result_type(dtype, case.values.dtype.kind == "c" and "c8"))
    yield device.concrete.asarray(values)
    if not case.creates:
        yield device.lazy.asarray(values, chunks=case.chunks(whole=True))
        yield device.lazy.asarray(values, chunks=case.chunks(whole=False))


@pytest.mark.parametrize("name", TRANSFORMS)
def test_single_precision_is_kept_as_on_the_host(device, name):
    case = CASES[name]
    for x in containers(device, case, "float32"):
        results = parts_of(case.call(x, device.concrete.xp))
        on_host = parts_of(case.call(case.values if case.creates else _values(x), np))
        for result, other, wanted in zip(results, on_host, parts_of(case.expected), strict=True):
            got = beside(wanted, result, name)
            assert got.dtype == other.dtype
            if hasattr(result, "dask"):
                assert result.dtype == got.dtype
                assert library_of(result._meta) == device.library
            assert np.linalg.norm(got - wanted) <= 1e-4 * np.linalg.norm(wanted)


def _values(x):
    return to_host(computed(x))


@pytest.mark.parametrize("name", TRANSFORMS)
def test_nothing_is_copied_between_host_and_device(device, name):
    case = CASES[name]
    for x in containers(device, case, "float64"):
        with counted_transfers() as log:
            for part in parts_of(case.call(x, device.concrete.xp)):
                computed(part)
        assert (log.to_host.copies, log.to_device.copies) == (0, 0)


@pytest.mark.parametrize("name", [name for name in TRANSFORMS if not CASES[name].creates])
def test_views_of_any_layout_give_the_same(device, name):
    case = CASES[name]
    x = device.concrete.asarray(case.values)
    host = case.values
    for index in ((slice(1, 4),), (slice(4, 0, -1),), (slice(None), slice(None, None, -1))):
        wanted = parts_of(case.call(host[index], np))
        results = parts_of(case.call(x[index], device.concrete.xp))
        for got, want in zip(results, wanted, strict=True):
            assert library_of(got) == device.library
            np.testing.assert_allclose(beside(want, got, name), want, atol=1e-11)


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", "int64", "float16"])
@pytest.mark.parametrize("name", ["fft.fft", "fft.rfft", "fft.irfftn", "fft.dct", "fft.zoom_fft"])
def test_other_element_types_are_promoted_as_on_the_host(device, name, dtype):
    case = CASES[name]
    values = (4 * case.values.real).astype(dtype)
    got = case.call(device.concrete.asarray(values), device.concrete.xp)
    want = case.call(values, np)
    assert got.dtype == want.dtype
    tolerance = 1e-5 if want.dtype.itemsize <= 8 and dtype == "float16" else 1e-12
    assert np.linalg.norm(to_host(got) - want) <= tolerance * np.linalg.norm(want)


def test_clusters_are_those_of_the_host(device):
    """The same labels and the same inertia, to the last bit."""
    values = CASES["cluster.vq.vq"].values.astype("float32")
    on_host = sw.cluster.KMeans(3, random_state=1).fit(values)
    for backend in (device.concrete, device.lazy):
        x = backend.asarray(values)
        found = sw.cluster.KMeans(3, random_state=1).fit(x)
        assert library_of(found.cluster_centers_) == device.library
        assert found.inertia_ == on_host.inertia_
        np.testing.assert_array_equal(backend.to_numpy(found.labels_), on_host.labels_)
        np.testing.assert_array_equal(to_host(found.cluster_centers_), on_host.cluster_centers_)


@pytest.mark.filterwarnings("ignore:One of the clusters is empty")
def test_codes_that_few_rows_start_from_are_those_of_the_host(device):
    """They come of singular vectors, whose signs libraries choose as they like."""
    values = np.random.default_rng(0).standard_normal((12, 30))
    on_host = sw.cluster.vq.kmeans2(values, 3, rng=2)
    for backend in (device.concrete, device.lazy):
        codes, labels = sw.cluster.vq.kmeans2(backend.asarray(values), 3, rng=2)
        np.testing.assert_allclose(to_host(codes), on_host[0], rtol=1e-11)
        np.testing.assert_array_equal(to_host(computed(labels)), on_host[1])


def test_rows_without_values_are_left_out_on_the_device_too(device):
    values = CASES["cluster.vq.vq"].values.astype("float32").copy()
    values[::7, 3] = np.nan
    want = sw.cluster.KMeans(3, random_state=1, skipna=True).fit(values)
    x = device.concrete.asarray(values)
    found = sw.cluster.KMeans(3, random_state=1, skipna=True).fit(x)
    np.testing.assert_array_equal(to_host(found.labels_), want.labels_)
