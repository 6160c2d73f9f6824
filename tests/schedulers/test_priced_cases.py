"""Once calibrated, `explain` tells a time of every step of every function that is lazy."""

import inspect

import dask.array as da
import numpy as np
import pytest
import xarray as xr

import spanwise as sw
from spanwise import probing
from spanwise.rates import EngineRate, Rates
from spanwise.schedulers import placement
from spanwise.schedulers.cost import UNMEASURED
from spanwise.testing.cases import all_cases
from spanwise.xarray import SpanwiseAccessor


@pytest.fixture(scope="module")
def table():
    """What calibration finds on small blocks, of the host and of the stand-in."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(probing, "_SECONDS", 0)
        patch.setattr(probing, "_LEAST_RUNS", 1)
        patch.setattr(probing, "_SIZES", {"numpy": (1,), "hostfree": (1,)})
        found = [probing.measure_kernels(library, {}) for library in ("numpy", "hostfree")]
        yield found[0].merge(found[1])


TYPES = ("complex64", "complex128", "float32", "float64")
MACHINE = Rates(tuple(EngineRate("scipy", dtype, 1e9) for dtype in TYPES), 1e9, 1e9, 1e9)


@pytest.fixture(autouse=True)
def calibrated(table, monkeypatch):
    monkeypatch.setattr("spanwise.rates.load_table", lambda: table)
    monkeypatch.setattr("spanwise.rates.load", lambda: MACHINE)


LAZY = [
    case for case in all_cases() if not case.creates and not case.function.startswith("cluster.")
]


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "cut"])
@pytest.mark.parametrize("case", LAZY, ids=lambda case: case.function)
def test_each_step_of_a_function_has_a_time(case, whole):
    x = da.from_array(case.values, chunks=case.chunks(whole=whole))
    check(case.call(x, None))


def check(result):
    """Each step that runs a kernel has a time, on the host and on devices."""
    for policy in ("cpu", "gpu"):
        with placement(policy, device="hostfree"):
            explanation = sw.explain(result)
        steps = [row for row in explanation.rows if row.kernel]
        # A shift across chunks is slices alone.
        assert steps or all("shift" in row.name for row in explanation.rows if row.planned)
        assert [row.name for row in steps if row.seconds is None or row.seconds <= 0] == []
        assert UNMEASURED not in str(explanation)


def on_logarithms(a):
    return a.assign_coords(x=("x", np.logspace(0, 1, 8)))


def of_spectrum(a):
    return a.spanwise.signal.power_spectrum(dim=("y", "x"))


ARGUMENTS = {
    **{name: {"dim": ("y", "x")} for name in ("fft2", "rfft2", "hfft2")},
    **{name: {"nperseg": 4} for name in ("welch", "csd", "coherence", "stft", "spectrogram")},
    "fht": {"mu": 1.5},
    "ifht": {"mu": 1.5},
    "zoom_fft": {"fn": (0.1, 0.3), "m": 5},
    "band_power": {"band": (0.2, 0.8)},
    "fftconvolve": {"kernel": np.array([0.25, 0.5, 0.25])},
    "filter_frequencies": {"pass_band": (0.2, 0.8)},
    "harmonics": {"frequencies": (0.25, 0.5)},
    "isotropic_power_spectrum": {"dim": ("y", "x")},
    "isotropic_cross_spectrum": {"dim": ("y", "x")},
    "isotropize": {"dim": ("freq_y", "freq_x")},
    "fit_loglog": {"dim": "freq_r"},
}
"""What methods take beside ``dim="x"``."""
BEFORE = {
    "fht": on_logarithms,
    "ifht": on_logarithms,
    "isotropize": of_spectrum,
    "fit_loglog": lambda a: a.spanwise.signal.isotropic_power_spectrum(dim=("y", "x")),
    "istft": lambda a: a.spanwise.signal.stft(dim="x", nperseg=4),
}
"""What methods are called on, if it is not data over x."""


def methods():
    """Methods of the accessor that compute nothing and need no spectrum of their own kind."""
    for space in ("fft", "signal"):
        kind = type(getattr(SpanwiseAccessor(None), space))
        names = [name for name in vars(kind) if not name.startswith("_")]
        yield from (f"{space}.{n}" for n in names if n not in ("pad", "unpad", "ifftshift"))


def is_inverse(name):
    return name.startswith("i") and name not in BEFORE and not name.startswith("iso")


@pytest.mark.parametrize("chunks", [{"t": 2}, {"t": 2, "y": 4, "x": 5}], ids=["whole", "cut"])
@pytest.mark.parametrize("method", list(methods()))
def test_each_step_of_a_labelled_function_has_a_time(method, chunks):
    space, _, name = method.partition(".")
    values = np.random.default_rng(0).normal(size=(4, 6, 8))
    coords = {"y": 10.0 + np.arange(6), "x": ("x", 0.5 * np.arange(8), {"units": "m"})}
    data = xr.DataArray(values, dims=("t", "y", "x"), coords=coords, name="h").chunk(chunks)
    data = BEFORE.get(name, lambda a: a)(data)
    arguments = {"dim": "x"} | ARGUMENTS.get(name, {})
    if is_inverse(name):
        dims = ("y", "x") if name.endswith("2") else ("x",)
        data = getattr(data.spanwise.fft, name[1:])(dim=dims)
        arguments["dim"] = tuple(f"freq_{dim}" for dim in dims)
    function = getattr(getattr(data.spanwise, space), name)
    if "other" in inspect.signature(function).parameters:
        arguments["other"] = 2 * data + 1
    check(function(**arguments))


def test_what_is_estimated_is_told():
    x = da.ones((4, 2**15), chunks=(2, 2**13))
    explanation = sw.explain(sw.signal.welch(x, nperseg=256, axis=1)[1])
    notes = [note for note in explanation.notes if "estimated: " in note]
    assert notes == [
        "spanwise-welch: not measured itself, estimated: segment_stretch as segment_sums.",
        "spanwise-welch-finish: not measured itself, estimated: segment_average by bytes moved.",
    ]
    told = {row.kernel: row.estimated for row in explanation.rows if row.estimated}
    assert told == {
        "segment_stretch": "segment_stretch as segment_sums",
        "segment_average": "segment_average by bytes moved",
    }


def test_where_workers_alone_were_measured_moves_are_priced_by_their_bytes(monkeypatch):
    x = da.ones((64, 2**12), chunks=(16, 2**10))
    y = sw.fft.fft(x, axis=1)
    with placement("gpu", device="hostfree"):
        known = sw.explain(y).rows[-1]
        monkeypatch.setattr("spanwise.rates.load", lambda: None)
        told = sw.explain(y).rows[-1]
    assert (known.estimated, told.estimated) == ("", "moves by bytes")
    assert known.seconds > 0 < told.seconds


def test_what_a_kernel_takes_goes_before_a_copy_of_its_blocks(table):
    x = da.ones((64, 256, 256), chunks=(16, 256, 256))
    (row,) = (r for r in sw.explain(sw.signal.power_spectrum(x, axes=(1, 2))).rows if r.kernel)
    one = table.seconds("power", "float64", "cpu", 2**23)
    assert row.seconds >= one
    assert row.seconds % one == pytest.approx(0)


def test_two_arrays_take_as_long_as_they_are_large_together():
    x = da.ones((64, 2**12), chunks=(16, 2**12))
    one, two = (
        next(row for row in sw.explain(result[1]).rows if row.kernel == "segment_sums")
        for result in (
            sw.signal.welch(x, nperseg=256, axis=1),
            sw.signal.csd(x, x + 1, nperseg=256, axis=1),
        )
    )
    assert two.seconds == pytest.approx(2 * one.seconds)


def test_a_long_job_is_priced_by_cost():
    """With every kernel of it measured nothing of a spectrum is left to the size of its chunks."""
    x = da.ones((64, 2**15), chunks=(16, 2**13))
    with placement("cost", device="hostfree"):
        explanation = sw.explain(sw.signal.welch(x, nperseg=256, axis=1)[1])
    reasons = [row.reason for row in explanation.rows if row.kernel == "segment_stretch"]
    assert [reason[:6] for reason in reasons] == ["cost: "]
    assert reasons[0].endswith(" (estimated: segment_stretch as segment_sums)")
