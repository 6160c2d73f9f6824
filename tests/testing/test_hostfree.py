import pickle
import subprocess
import sys

import array_api_compat
import cloudpickle
import dask.array as da
import numpy as np
import pytest
import scipy.fft
from dask.base import tokenize
from dask.sizeof import sizeof

from spanwise.errors import ArrayTypeError, TransferError
from spanwise.kernels.library import library_of, like, lives_on_host, namespace
from spanwise.kernels.transfer import counted_transfers, to_device, to_host
from spanwise.testing import HostFree, hostfree_namespace, register_with_dask

VALUES = np.arange(24.0).reshape(4, 6)


@pytest.fixture
def x():
    return HostFree.copy_from_host(VALUES)


def same(actual, desired):
    assert isinstance(actual, HostFree)
    assert actual.dtype == np.asarray(desired).dtype
    np.testing.assert_allclose(actual.copy_to_host(), desired, rtol=1e-12)
    return True


def test_numpy_cannot_read_it(x):
    for read in (np.asarray, np.array, np.ascontiguousarray, lambda a: np.array([a, a])):
        with pytest.raises(TypeError, match="Implicit conversion to a NumPy array is not allowed"):
            read(x)
    with pytest.raises(TypeError, match="Implicit conversion"):
        scipy.fft.fft(x)
    assert not hasattr(x, "__array_interface__")
    assert not hasattr(x, "__dlpack__")
    with pytest.raises(TypeError):
        memoryview(x)


@pytest.mark.parametrize(
    "mix",
    [
        lambda x: x + VALUES,
        lambda x: VALUES + x,
        lambda x: x + np.ones(()),
        lambda x: x @ VALUES.T,
        lambda x: np.multiply(x, 2, out=np.empty((4, 6))),
        lambda x: np.add(x, 1, where=VALUES > 3, out=x),
        lambda x: np.where(x > 3, x, VALUES),
        lambda x: np.concatenate([x, VALUES]),
        lambda x: np.einsum("ij,ij", x, VALUES),
        lambda x: np.tensordot(x, VALUES.T, axes=1),
        lambda x: x.dot(VALUES.T),
        lambda x: x.__setitem__(slice(None), VALUES),
        lambda x: x.__setitem__(0, VALUES[0]),
        lambda x: x.astype("f4").__iadd__(VALUES),
        lambda x: np.ones((4, 6)).__iadd__(x),
        lambda x: np.copyto(x, VALUES),
        lambda x: hostfree_namespace.add(x, VALUES),
        lambda x: hostfree_namespace.concat([x, VALUES]),
        lambda x: hostfree_namespace.linalg.vecdot(x, VALUES),
    ],
)
def test_host_arrays_do_not_mix_with_it(mix, x):
    with pytest.raises(TypeError, match="a NumPy array of shape"):
        mix(x)


def test_lists_and_foreign_containers_are_left_to_the_other_operand(x):
    class Takes:
        __array_ufunc__ = None

        def __radd__(self, other):
            return "taken"

    assert x + Takes() == "taken"
    with pytest.raises(TypeError):
        np.add(x, [1.0, 2.0])


def test_scalars_mix_by_numpys_promotion(x):
    half = x.astype("f4")
    assert same(half + 1, VALUES.astype("f4") + 1)
    assert same(2.0 * half, VALUES.astype("f4") * 2)
    assert same(half * np.float64(2), VALUES.astype("f4") * np.float64(2))
    assert same(np.float32(2) - half, np.float32(2) - VALUES.astype("f4"))
    assert same(half * 1j, VALUES.astype("f4") * 1j)
    assert same(np.ones(()) < half, VALUES > 1)
    assert same(~(x > 3), ~(VALUES > 3))


def test_operators_in_place_keep_the_array(x):
    y = x
    y += 1
    y *= HostFree.copy_from_host(VALUES)
    assert y is x
    assert same(x, (VALUES + 1) * VALUES)


def test_ufuncs_with_several_results_and_methods(x):
    assert all(same(a, b) for a, b in zip(divmod(x, 5), divmod(VALUES, 5), strict=True))
    whole = HostFree((4, 6))
    parts = np.modf(x, out=(None, whole))
    assert parts[1] is whole
    assert same(np.add.reduce(x, axis=1), VALUES.sum(axis=1))
    assert same(np.multiply.outer(x, x), np.multiply.outer(VALUES, VALUES))
    np.add.at(x, (np.array([0, 0]), slice(None)), 1.0)
    assert same(x[0], VALUES[0] + 2)


def test_indexing_takes_host_and_device_indices(x):
    rows = np.array([2, 0, 2])
    assert same(x[1:3, ::2], VALUES[1:3, ::2])
    assert same(x[rows], VALUES[rows])
    assert same(x[HostFree.copy_from_host(rows)], VALUES[rows])
    assert same(x[x > 7], VALUES[VALUES > 7])
    assert same(x[..., None, 1], VALUES[..., None, 1])
    assert same(x[1, 2], VALUES[1, 2])
    assert same(np.take(x, rows, axis=1), VALUES[:, rows])
    assert same(x.take(rows, axis=1), VALUES[:, rows])
    x[x > 7] = 0
    x[0] = HostFree.copy_from_host(np.ones(6))
    x[1, 0] = np.asarray(5.0)
    expected = np.where(VALUES > 7, 0, VALUES)
    expected[0], expected[1, 0] = 1, 5
    assert same(x, expected)


def test_slices_are_views_of_one_memory(x):
    part = x[1:]
    part[...] = 0
    assert same(x.sum(), VALUES[0].sum())
    assert part.memory is x.memory


def test_reductions_give_arrays_of_the_device(x):
    for name in ("sum", "mean", "max", "min", "std", "var", "prod", "any", "all", "argmax"):
        assert same(getattr(x, name)(), getattr(VALUES, name)())
        assert same(getattr(np, name)(x, axis=0), getattr(VALUES, name)(axis=0))
    out = HostFree(())
    assert np.sum(x, out=out) is out
    assert x.sum(out=out) is out


def test_attributes_are_those_of_an_ndarray(x):
    assert (x.shape, x.ndim, x.size, x.nbytes, x.itemsize) == ((4, 6), 2, 24, 192, 8)
    assert x.dtype == np.float64
    assert x.strides == VALUES.strides
    assert x.flags.c_contiguous
    assert len(x) == 4
    assert same(x.T, VALUES.T)
    assert same(x.mT, VALUES.mT)
    z = (x + 1j).conj()
    assert same(z.real, VALUES)
    assert same(z.imag, -np.ones_like(VALUES))
    assert same(x.reshape(3, 8).transpose(1, 0).ravel(), VALUES.reshape(3, 8).T.ravel())
    assert [same(row, VALUES[i]) for i, row in enumerate(x)] == [True] * 4


def test_single_elements_leave_as_python_scalars():
    one = HostFree.copy_from_host(2.5)
    assert (float(one), int(one), bool(one), complex(one), one.item()) == (2.5, 2, True, 2.5, 2.5)
    with pytest.raises(TypeError):
        iter(one).__next__()
    with pytest.raises(TypeError):
        [1, 2, 3][HostFree.copy_from_host(1)]
    with pytest.raises(TypeError):
        float(HostFree.copy_from_host(VALUES))


def test_its_text_shows_no_element(x):
    assert repr(x) == "HostFree(shape=(4, 6), dtype=float64)"


def test_copies_in_and_out_share_no_memory():
    values = VALUES.copy()
    x = HostFree.copy_from_host(values)
    values[...] = -1
    assert same(x, VALUES)
    x.copy_to_host()[...] = -1
    assert same(x, VALUES)


def test_only_numbers_live_on_the_device(x):
    for values in (np.array(["a"]), np.array([None]), np.array(["2020"], dtype="M8[D]")):
        with pytest.raises(ArrayTypeError, match="boolean, integer, real or complex"):
            HostFree.copy_from_host(values)
    with pytest.raises(ArrayTypeError, match="on the device already"):
        HostFree.copy_from_host(x)


def test_its_device_is_the_only_one(x):
    assert str(x.device) == "hostfree:0"
    assert array_api_compat.device(x) == x.device
    assert array_api_compat.to_device(x, x.device) is x
    for device in ("cpu", "cuda:0"):
        with pytest.raises(TransferError, match="hostfree:0"):
            x.to_device(device)
        with pytest.raises(TransferError, match="hostfree:0"):
            hostfree_namespace.zeros(3, device=device)


def test_the_library_floor_knows_it(x):
    assert library_of(x) == "hostfree"
    assert not lives_on_host(x)
    assert namespace(x) is hostfree_namespace
    assert array_api_compat.is_array_api_obj(x)
    assert same(like(np.ones(3, dtype="f4"), x), np.ones(3, dtype="f4"))
    with counted_transfers() as log:
        np.testing.assert_array_equal(to_host(x), VALUES)
        assert same(to_device(VALUES, library="hostfree"), VALUES)
    assert (log.to_host.copies, log.to_device.copies) == (1, 1)
    assert (log.to_host.bytes, log.to_device.bytes) == (VALUES.nbytes, VALUES.nbytes)


def test_the_namespace_has_the_standards_functions():
    strict = pytest.importorskip("array_api_strict")
    dropped = {"from_dlpack", "isin", "Device", "ModuleType", "ArrayAPIStrictFlags"}
    dropped |= {name for name in dir(strict) if "strict_flags" in name}
    names = {name for name in dir(strict) if not name.startswith("_")} - dropped
    assert sorted(name for name in names if not hasattr(hostfree_namespace, name)) == []
    for extension in ("fft", "linalg"):
        ours = getattr(hostfree_namespace, extension)
        theirs = getattr(strict, extension)
        functions = {
            name
            for name, value in vars(theirs).items()
            if name.islower()
            and not name.startswith("_")
            and getattr(value, "__module__", "").endswith(extension)
        }
        assert functions - {"get_array_api_strict_flags"} <= set(dir(ours))


def test_the_namespace_creates_on_the_device(x):
    xp = hostfree_namespace
    assert same(xp.asarray(VALUES), VALUES)
    assert same(xp.asarray([1.0, 2.0], dtype=xp.float32), np.array([1, 2], dtype="f4"))
    assert xp.asarray(x) is x
    assert xp.asarray(x, copy=True) is not x
    with pytest.raises(ValueError, match="copy=False"):
        xp.asarray(VALUES, copy=False)
    assert same(xp.zeros((2, 3), device=x.device), np.zeros((2, 3)))
    assert same(xp.arange(3), np.arange(3))
    assert same(np.zeros_like(x), np.zeros_like(VALUES))
    assert same(np.asarray(VALUES, like=x), VALUES)
    assert xp.__array_namespace_info__().devices() == [x.device]
    assert xp.__array_namespace_info__().default_dtypes()["real floating"] == np.float64


def test_the_namespace_computes_on_the_device(x):
    xp = hostfree_namespace
    assert same(xp.concat([x, x], axis=1), np.concatenate([VALUES, VALUES], axis=1))
    assert same(xp.linalg.vector_norm(x), np.linalg.norm(VALUES))
    found = xp.unique_counts(xp.asarray([1, 2, 1]))
    assert same(found.values, [1, 2])
    assert same(found.counts, [2, 1])
    assert xp.result_type(x, xp.float32) == np.float64
    assert xp.isdtype(x.dtype, "real floating")
    assert same(
        xp.fft.fftfreq(4, dtype=xp.float32, device=x.device), np.float32([0, 0.25, -0.5, -0.25])
    )


def test_transforms_keep_single_precision(x):
    xp = hostfree_namespace
    y = xp.fft.rfftn(x.astype("f4"))
    assert y.dtype == np.complex64
    assert xp.fft.irfft(y, n=6).dtype == np.float32


@pytest.mark.parametrize("pickler", [pickle, cloudpickle])
def test_it_survives_pickling(pickler, x):
    assert same(pickler.loads(pickler.dumps(x)), VALUES)
    for function in (hostfree_namespace.exp, hostfree_namespace.fft.fft):
        assert pickler.loads(pickler.dumps(function)) is function


def test_a_process_that_unpickles_it_knows_it_in_dask(x, tmp_path):
    path = tmp_path / "x.pickle"
    path.write_bytes(pickle.dumps(x))
    code = (
        "import sys, pickle, dask, pathlib\n"
        "x = pickle.loads(pathlib.Path(sys.argv[1]).read_bytes())\n"
        "from dask.array.chunk_types import is_valid_chunk_type\n"
        "assert is_valid_chunk_type(type(x))\n"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True, timeout=120)


def test_registering_again_has_no_effect():
    from dask.array.chunk_types import _HANDLED_CHUNK_TYPES

    register_with_dask()
    register_with_dask()
    assert _HANDLED_CHUNK_TYPES.count(HostFree) == 1


def test_dask_names_it_by_its_elements(x):
    assert tokenize(x) == tokenize(HostFree.copy_from_host(VALUES))
    assert tokenize(x) != tokenize(x + 1)
    assert tokenize(x) != tokenize(VALUES)
    assert sizeof(x) == x.nbytes


@pytest.mark.parametrize(
    "function",
    [
        lambda a: a + 1,
        np.exp,
        lambda a: a.T @ a,
        lambda a: a.sum(),
        lambda a: a.mean(axis=0),
        lambda a: a.std(axis=1),
        lambda a: a.argmax(axis=1),
        lambda a: np.nanmean(a, axis=0),
        lambda a: a[::2, 1:],
        lambda a: a[[3, 0, 1]],
        lambda a: a.reshape(24),
        lambda a: np.concatenate([a, a], axis=1),
        lambda a: np.stack([a, a]),
        lambda a: np.where(a > 3, a, 0),
        lambda a: np.einsum("ij,kj->ik", a, a),
        lambda a: np.tensordot(a, a, axes=((1,), (1,))),
        np.linalg.norm,
        lambda a: np.cumsum(a, axis=0),
    ],
)
def test_it_flows_through_dask(function, x):
    source = da.from_array(x, chunks=((3, 1), (2, 4)), asarray=False)
    result = function(source)
    assert isinstance(result._meta, HostFree)
    assert same(result.compute(), function(VALUES))


def test_it_flows_through_map_blocks_and_rechunk(x):
    source = da.from_array(x, chunks=(3, 2), asarray=False)
    result = source.rechunk((2, 6)).map_blocks(lambda block: block * 2)
    assert isinstance(result._meta, HostFree)
    assert same(result.compute(), VALUES * 2)


def test_dask_refuses_a_host_array_beside_it(x):
    source = da.from_array(x, chunks=(3, 2), asarray=False)
    with pytest.raises(TypeError):
        (source + da.from_array(VALUES, chunks=(3, 2))).compute()
