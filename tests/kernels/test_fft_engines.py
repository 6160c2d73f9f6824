"""What transforms NumPy blocks gives what SciPy gives."""

import sys
import tracemalloc

import numpy as np
import pytest
import scipy.fft
import scipy.linalg
from hypothesis import given
from hypothesis import strategies as st

from spanwise.errors import ArgumentError, MissingDependencyError
from spanwise.kernels import buffers, engines
from spanwise.kernels.fft import fft, result_dtype
from spanwise.kernels.numpy import fft_ducc0, fft_mkl, fft_scipy, halves, parts

KINDS = ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")
ENGINES = [name for name in engines.engines() if engines.is_installed(name)]
NORMS = (None, "backward", "ortho", "forward")


@pytest.fixture(autouse=True)
def no_block_is_small(monkeypatch):
    """Everything goes the way of large blocks, in parts of a few elements."""
    monkeypatch.setattr(buffers, "SMALLEST", 0)
    monkeypatch.setattr(fft_scipy, "_KEPT_BYTES", 0)
    for module in (fft_scipy, fft_ducc0, fft_mkl, halves):
        monkeypatch.setattr(module, "_PART_BYTES", 100)
    monkeypatch.setattr(fft_scipy, "_ROW_BYTES", 100)
    monkeypatch.setattr(fft_ducc0, "_ROW_BYTES", 100)
    monkeypatch.setattr(fft_mkl, "_LINE_BYTES", 100)
    monkeypatch.setattr(fft_scipy, "_PLANE_BYTES", 100)
    monkeypatch.setattr(parts, "_PAGE_BYTES", 16)


def compare(x, kind, axes, lengths, norm, engine, **more):
    want = getattr(scipy.fft, f"{kind}n")(x, s=lengths, axes=axes, norm=norm)
    got = fft(x, kind=kind, axes=axes, lengths=lengths, norm=norm, engine=engine, **more)
    assert got.dtype == want.dtype == result_dtype(kind, x.dtype)
    assert got.shape == want.shape
    tolerance = 20 * np.finfo(want.dtype).eps * max(abs(want).max(initial=0), 1e-30)
    np.testing.assert_allclose(got, want, rtol=0, atol=tolerance)


@st.composite
def calls(draw):
    shape = draw(st.lists(st.integers(1, 12), min_size=1, max_size=4))
    axes = tuple(draw(st.permutations(range(len(shape)))))[: draw(st.integers(1, len(shape)))]
    lengths = tuple(
        draw(st.sampled_from([shape[a], shape[a], draw(st.integers(1, 14))])) for a in axes
    )
    return tuple(shape), axes, lengths


def block(shape, character, kind):
    rng = np.random.default_rng(0)
    x = rng.standard_normal(shape) * 9
    if np.dtype(character).kind == "c":
        x = x + 1j * rng.standard_normal(shape)
    return x.astype(character)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", KINDS)
@given(call=calls(), norm=st.sampled_from(NORMS), character=st.sampled_from("edgfFDGbH?"))
def test_engines_give_what_scipy_gives(engine, kind, call, norm, character):
    shape, axes, lengths = call
    if kind in ("rfft", "ihfft") and np.dtype(character).kind == "c":
        character = "f"
    compare(block(shape, character, kind), kind, axes, lengths, norm, engine)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", KINDS)
@given(call=calls(), norm=st.sampled_from(NORMS), character=st.sampled_from("fdFDg"))
def test_blocks_that_may_be_spoiled_give_the_same(engine, kind, call, norm, character):
    shape, axes, lengths = call
    if kind in ("rfft", "ihfft"):
        character = character.lower()
    x = block(shape, character, kind)
    want = fft(x.copy(), kind=kind, axes=axes, lengths=lengths, norm=norm)
    got = fft(x, kind=kind, axes=axes, lengths=lengths, norm=norm, overwrite=True, engine=engine)
    assert got.dtype == want.dtype
    tolerance = 20 * np.finfo(want.dtype).eps * abs(want).max(initial=0)
    np.testing.assert_allclose(got, want, rtol=0, atol=tolerance)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", KINDS)
def test_any_layout_is_transformed_and_nothing_is_spoiled(engine, kind):
    real = kind in ("rfft", "ihfft")
    x = block((6, 5, 8), "f" if real else "F", kind)
    views = [np.asfortranarray(x), x[::-1, ::2], x[:, :, ::-2], x.astype(x.dtype.newbyteorder())]
    views.append(np.broadcast_to(x[:1], x.shape))
    read_only = x.copy()
    read_only.flags.writeable = False
    for view in (*views, read_only):
        before = view.copy()
        lengths = tuple(view.shape[a] for a in (0, 2))
        compare(view, kind, (0, 2), lengths, None, engine)
        np.testing.assert_array_equal(view, before)
    compare(read_only, kind, (1,), (5,), None, engine, overwrite=True)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", KINDS)
def test_empty_blocks_are_transformed_along_other_axes(engine, kind):
    x = np.zeros((0, 4), "f")
    compare(x, kind, (1,), (4,), None, engine)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_spoils_its_own_line_only(engine, value):
    x = np.ones((3, 8), "f")
    x[1, 2] = value
    got = fft(x, kind="fft", axes=(1,), lengths=(8,), norm=None, engine=engine)
    assert not np.isfinite(got[1]).any()
    np.testing.assert_allclose(got[[0, 2]], scipy.fft.fft(x[[0, 2]]))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_complex_block_that_may_be_spoiled_is_transformed_where_it_is(engine):
    x = block((16, 16), "F", "fft")
    got = fft(x, kind="fft", axes=(0,), lengths=(16,), norm=None, overwrite=True, engine=engine)
    assert np.shares_memory(got, x)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("workers", [None, 2, -1])
def test_several_threads_give_the_same(engine, workers):
    compare(block((8, 9), "d", "fft"), "fft", (0, 1), (8, 9), None, engine, workers=workers)


def test_parts_cover_a_block_and_keep_its_whole_axes():
    shape = (3, 4, 5)
    for limit in (1, 7, 20, 1000):
        seen = np.zeros(shape, int)
        for part in parts.parts(shape, (1,), 1, limit):
            seen[part] += 1
            assert part[1] == slice(0, 4)
            assert seen[part].size <= max(limit, 4)
        assert (seen == 1).all()


@pytest.fixture
def registry(monkeypatch):
    monkeypatch.setattr(engines, "_ENGINES", dict(engines._ENGINES))


def test_an_engine_of_ones_own_is_found_by_its_place(registry):
    place = "scipy.fft:fftn"
    engines.register_kernel("own", place)
    assert engines.resolve_engine("own") == place
    assert "own" in engines.engines()
    assert engines.engine_of(place) is scipy.fft.fftn
    engines.register_kernel("own", scipy.linalg.norm)
    assert engines.resolve_engine("own") == "scipy.linalg._misc:norm"


def test_an_engine_of_ones_own_is_given_what_it_was_promised(registry, monkeypatch, tmp_path):
    (tmp_path / "my_engine.py").write_text(
        "import numpy\n"
        "def transform(x, /, *, kind, axes, lengths, norm, workers, overwrite):\n"
        "    assert x.dtype.isnative\n"
        "    return (kind, axes, lengths, norm, workers, overwrite)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    engines.register_kernel("own", "my_engine:transform")
    engine = engines.resolve_engine("own")
    got = fft(np.ones(3, "f4"), kind="fft", axes=(0,), lengths=(3,), norm=None, engine=engine)
    assert got == ("fft", (0,), (3,), None, 1, False)


@pytest.mark.parametrize("name", ["", "scipy", "ducc0", "mkl", "auto", "a:b", 3])
def test_names_that_are_taken_are_refused(registry, name):
    with pytest.raises(ArgumentError, match="name="):
        engines.register_kernel(name, "scipy.fft:fftn")


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda x: x, "at the top of a module"),
        (3, "expected a function"),
        ("nowhere.at_all:f", "cannot be imported"),
        ("scipy.fft:no_such_function", "cannot be imported"),
        ("scipy.fft", "package.module:function"),
        ("scipy.fft:__name__", "package.module:function"),
    ],
)
def test_functions_that_workers_cannot_import_are_refused(registry, function, words):
    with pytest.raises(ArgumentError, match=words):
        engines.register_kernel("own", function)
    assert "own" not in engines.engines()


def test_unknown_engines_are_refused_with_those_there_are():
    with pytest.raises(ArgumentError, match=r"'fftw': expected one of auto, ducc0, .*scipy"):
        engines.resolve_engine("fftw")


def test_a_missing_package_is_named_with_its_command(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match=r'pip install "spanwise\[fast\]"'):
        engines.resolve_engine("ducc0")
    assert engines.resolve_engine("auto", fastest="ducc0") == "scipy"


def test_the_package_may_be_missing_on_a_worker_only(monkeypatch):
    monkeypatch.setitem(sys.modules, "ducc0", None)
    monkeypatch.setitem(sys.modules, "ducc0.fft", None)
    with pytest.raises(MissingDependencyError, match=r'pip install "spanwise\[fast\]"'):
        fft(np.ones(3), kind="fft", axes=(0,), lengths=(3,), norm=None, engine="ducc0")


def test_memory_beside_input_and_output_stays_within_what_is_stated(monkeypatch):
    """Of a large transform of real input: parts, not another array of its size."""
    monkeypatch.setattr(buffers, "SMALLEST", 2**22)
    monkeypatch.setattr(fft_scipy, "_PART_BYTES", 2**23)
    x = np.ones((16, 512, 512), "f4")
    out_bytes = x.size * 8
    for engine in ENGINES:
        buffers._POOL.clear()
        tracemalloc.start()
        got = fft(x, kind="fft", axes=(1, 2), lengths=(512, 512), norm=None, engine=engine)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak - got.nbytes <= fft.workspace(x.nbytes, out_bytes)
        assert peak - got.nbytes <= out_bytes / 2
