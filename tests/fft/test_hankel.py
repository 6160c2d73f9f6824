"""Fast Hankel transforms on every container; SciPy on NumPy is the oracle."""

import warnings

import dask.array as da
import numpy as np
import pytest
import scipy.fft

import spanwise as sw
from spanwise.testing import raise_if_computes, xp_assert_close

KINDS = ("fht", "ifht")


def values(shape, dtype="float64"):
    return (10 * np.random.default_rng(0).standard_normal(shape)).astype(dtype)


@pytest.mark.parametrize("bias", [0.0, -0.3])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int16", "bool"])
@pytest.mark.parametrize("kind", KINDS)
def test_values_and_types_are_scipys_on_every_container(kind, dtype, bias, xp):
    x = values((3, 9), dtype)
    want = getattr(scipy.fft, kind)(x, 0.1, 1.5, 0.2, bias)
    xp_assert_close(getattr(sw.fft, kind)(xp.asarray(x), 0.1, 1.5, 0.2, bias), xp.asarray(want))


@pytest.mark.parametrize("chunks", [(3, 9), (1, 9), (3, 4), ((1, 2), (1, 7, 1)), ((3,), (0, 9))])
@pytest.mark.parametrize("bias", [0.0, 0.4])
def test_any_chunks_are_lazy(chunks, bias):
    x = values((3, 9), "float32")
    with raise_if_computes():
        got = sw.fft.fht(da.from_array(x, chunks=chunks), 0.1, 2.0, bias=bias)
    want = scipy.fft.fht(x, 0.1, 2.0, bias=bias)
    assert (got.dtype, got.shape) == (want.dtype, want.shape)
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_the_mean_of_a_singular_transform_is_dropped_with_a_warning_at_the_call(kind, xp):
    mu, bias = 0.0, -1.0 if kind == "fht" else 1.0
    x = values((2, 8))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        want = getattr(scipy.fft, kind)(x, 0.1, mu, bias=bias)
    words = [str(w.message) for w in caught]
    assert len(words) == 1
    with pytest.warns(UserWarning, match=words[0]):
        got = getattr(sw.fft, kind)(xp.asarray(x), 0.1, mu, bias=bias)
    xp_assert_close(got, xp.asarray(want))


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"dln": 0.0}, sw.errors.ArgumentError),
        ({"dln": "1"}, sw.errors.ArgumentTypeError),
        ({"dln": np.ones(3)}, sw.errors.ArgumentTypeError),
        ({"mu": None}, sw.errors.ArgumentTypeError),
        ({"mu": 0.5j}, sw.errors.ArgumentTypeError),
        ({"bias": None}, sw.errors.ArgumentTypeError),
        ({"offset": da.ones(())}, sw.errors.ArgumentTypeError),
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_parameter_is_refused_by_its_name(kind, arguments, error):
    (name,) = arguments
    for x in (values((2, 8)), da.ones((2, 8), chunks=2)):
        with raise_if_computes(), pytest.raises(error, match=f"{name}="):
            getattr(sw.fft, kind)(x, **{"dln": 0.1, "mu": 1.0, **arguments})


@pytest.mark.parametrize("kind", KINDS)
def test_complex_data_are_refused_as_in_scipy(kind, xp):
    x = values((2, 8)) + 1j
    with pytest.raises(TypeError, match="real"):
        getattr(scipy.fft, kind)(x, 0.1, 1.0)
    with pytest.raises(sw.errors.ArrayTypeError, match="real"):
        getattr(sw.fft, kind)(xp.asarray(x), 0.1, 1.0)


@pytest.mark.parametrize("kind", KINDS)
def test_axes_that_are_missing_or_empty_are_refused(kind):
    with pytest.raises(IndexError):
        getattr(sw.fft, kind)(np.array(1.0), 0.1, 1.0)
    for x in (np.ones((4, 0)), da.ones((4, 0))):
        with pytest.raises(ValueError, match="invalid number of data points"):
            getattr(sw.fft, kind)(x, 0.1, 1.0)


def test_unknown_chunks_are_refused_with_the_way_out():
    x = da.ones((6, 4), chunks=(3, 2))
    with pytest.raises(sw.errors.UnknownChunksError, match="compute_chunk_sizes"):
        sw.fft.fht(x[x[:, 0] > 0], 0.1, 1.0)


def test_offsets_are_scipys():
    for bias in (0.0, 0.3):
        want = scipy.fft.fhtoffset(0.1, 2.0, initial=0.5, bias=bias)
        assert sw.fft.fhtoffset(0.1, 2.0, initial=0.5, bias=bias) == want
