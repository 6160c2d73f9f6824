"""The time of one run: measured, or estimated from what stands for it."""

import pytest

from spanwise.kernels.probes import probes
from spanwise.kernels.probes.relations import RELATIONS
from spanwise.measures import CPU, ELEMENTWISE, FARTHEST, Observation, RateTable
from spanwise.schedulers.rated import Load, Rated, rated

KIB = 2**10


def table(**seconds):
    """Seconds of kernels on 1 KiB, by names of kernel and element type with two lines between."""
    return RateTable().observe(
        Observation(*name.split("__"), CPU, KIB, s) for name, s in seconds.items()
    )


def seconds(load, rates, **how):
    found = rated(load, rates, CPU, **how)
    return None if found is None else (found.seconds, found.estimated)


def test_what_was_measured_goes_before_what_is_estimated():
    rates = table(columns__complex64=4.0, back__complex64=1.0)
    assert rated(Load("back", "complex64", KIB), rates, CPU) == Rated(1.0)


def test_a_kernel_without_a_probe_is_told_by_another():
    rates = table(columns__complex64=4.0)
    assert seconds(Load("back", "complex64", 2 * KIB), rates) == (8.0, "back as columns")
    assert seconds(Load("rows", "complex64", KIB), rates) is None


def test_a_kernel_that_streams_is_told_by_the_bytes_that_it_moves():
    rates = table(elementwise__float32=1.0)
    found = seconds(Load("pad", "float32", KIB, 3 * KIB), rates)
    assert found == (2.0, "pad by bytes moved")
    assert seconds(Load("pad", "int16", KIB, KIB), rates) == (1.0, "pad by bytes moved")


@pytest.mark.parametrize(
    ("measured", "dtype", "factor"),
    [
        ("float32", "complex64", 1),
        ("complex128", "float64", 1),
        ("float64", "int16", 4),
        ("float64", "bool", 8),
        ("float32", "float16", 2),
        ("int32", "int64", 0.5),
    ],
)
def test_a_type_that_was_not_measured_is_taken_as_the_one_it_is_computed_in(
    measured, dtype, factor
):
    rates = table(**{f"detrend__{measured}": 1.0})
    found = seconds(Load("detrend", dtype, KIB), rates)
    assert found == (factor, f"detrend as on {measured}")


@pytest.mark.parametrize("dtype", ["float128", "object", "", "U3", "no type"])
def test_other_types_are_not_guessed(dtype):
    rates = table(detrend__float64=1.0, elementwise__float64=1.0)
    assert seconds(Load("detrend", dtype, KIB), rates) is None
    assert seconds(Load("detrend", "float64", 0), rates) is None


def test_blocks_far_smaller_than_all_that_were_measured_are_told_only_if_asked_for():
    rates = table(detrend__float64=1.0)
    small = Load("detrend", "float64", KIB >> FARTHEST + 1)
    assert seconds(small, rates) is None
    told = "detrend as on larger blocks"
    assert seconds(small, rates, any_size=True) == (0.5**FARTHEST / 2, told)
    large = Load("detrend", "float64", KIB << FARTHEST + 1)
    assert seconds(large, rates, any_size=True) is None


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128", "int16"])
def test_once_calibrated_every_kernel_has_a_time_on_common_types(dtype):
    found = list(probes(lambda dtype: "scipy"))
    rates = RateTable().observe(Observation(p.kernel, p.dtype, CPU, 2**20, 1.0) for p in found)
    names = {p.kernel for p in found} | RELATIONS.keys() | {ELEMENTWISE}
    # Labels are integers, and all that tally takes.
    unknown = {n for n in names if rated(Load(n, dtype, 2**20, 2**20), rates, CPU) is None}
    assert unknown == ({"tally"} if dtype != "int16" else set())
