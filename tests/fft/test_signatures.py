"""Signatures are SciPy's: every public function of scipy.fft, argument for argument."""

import inspect

import numpy as np
import pytest
import scipy.fft

import spanwise as sw

# Switches of SciPy's own backends and threads, which cannot be re-exported in good faith.
OF_SCIPY_ALONE = {
    "get_workers",
    "register_backend",
    "set_backend",
    "set_global_backend",
    "set_workers",
    "skip_backend",
}
FUNCTIONS = sorted(set(scipy.fft.__all__) - OF_SCIPY_ALONE)
TRANSFORMS = [name for name in FUNCTIONS if "fft" in name and "freq" not in name] + [
    name for name in FUNCTIONS if name.endswith(("ct", "st", "ctn", "stn"))
]


def test_every_function_of_scipy_is_there():
    assert set(FUNCTIONS) <= set(sw.fft.__all__)
    assert sw.fft.__all__ == sorted(sw.fft.__all__)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_parameters_are_scipys_in_order_kind_and_default(name):
    theirs = list(inspect.signature(getattr(scipy.fft, name)).parameters.values())
    ours = list(inspect.signature(getattr(sw.fft, name)).parameters.values())
    if theirs[0].name in ("x", "a", "A"):
        # Arrays by position only.
        assert (ours[0].name, ours[0].kind) == (theirs[0].name, inspect.Parameter.POSITIONAL_ONLY)
        theirs, ours = theirs[1:], ours[1:]
    known = [(p.name, p.kind, p.default) for p in ours if p.name in {t.name for t in theirs}]
    assert known == [(p.name, p.kind, p.default) for p in theirs]
    more = [p for p in ours if p.name not in {t.name for t in theirs}]
    assert all(p.kind is inspect.Parameter.KEYWORD_ONLY for p in more)
    assert all(p.default is not inspect.Parameter.empty for p in more)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_arguments_by_position_mean_what_they_mean_to_scipy(name):
    x = np.random.default_rng(0).standard_normal((4, 6))
    parameters = list(inspect.signature(getattr(scipy.fft, name)).parameters)
    values = {"type": 3, "n": 5, "axis": 0, "s": (5, 3), "axes": (1, 0), "norm": "ortho"}
    arguments = [values[p] for p in parameters if p in values]
    if name.endswith("shift"):
        arguments = [(1,)]
    want = getattr(scipy.fft, name)(x, *arguments)
    np.testing.assert_allclose(getattr(sw.fft, name)(x, *arguments), want, atol=1e-14)
