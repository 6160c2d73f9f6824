"""Both sides of a spectrum, centred or not, from the frequencies that a real transform gives."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from spanwise.kernels.twosided import points_of, two_sided, write
from spanwise.testing import xp_assert_close

pytestmark = pytest.mark.skip_xp_backends("dask", reason="kernels take concrete blocks")

AXES = [(0,), (2,), (0, 2), (2, 1), (1, 0, 2)]


@pytest.mark.parametrize("shape", [(4, 5, 6), (5, 4, 3), (1, 2, 1), (2, 1, 7)])
@pytest.mark.parametrize("axes", AXES)
@pytest.mark.parametrize("kind", ["power", "cross"])
def test_the_other_side_and_the_centre_are_those_of_the_whole_transform(xp, kind, axes, shape):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, *shape))
    whole = np.fft.fftn(x, axes=axes)
    whole = np.abs(whole) ** 2 if kind == "power" else whole * np.fft.fftn(y, axes=axes).conj()
    lengths = [shape[a] for a in axes]
    (known_points,) = points_of(lengths, half=True)[-1:]
    known = np.take(whole, range(known_points), axis=axes[-1])
    for count in range(len(axes) + 1):
        for centred in itertools.combinations(axes, count):
            want = np.fft.fftshift(whole, axes=centred)
            got = two_sided(xp.asarray(known), axes=axes, lengths=lengths, centred=centred)
            xp_assert_close(got, xp.asarray(want), rtol=0, atol=1e-12)
            out = np.empty_like(want)
            write(out, known, axes=axes, centred=centred)
            np.testing.assert_allclose(out, want, rtol=0, atol=1e-12)


def test_one_side_is_only_centred_on_the_other_axes():
    known = np.arange(15.0).reshape(5, 3)
    out = np.empty_like(known)
    write(out, known, axes=(0, 1), centred=(0,))
    np.testing.assert_array_equal(out, np.fft.fftshift(known, axes=0))
