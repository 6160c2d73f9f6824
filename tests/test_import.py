"""What `import spanwise` costs, and what it offers."""

import importlib
import inspect
import json
import pkgutil
import subprocess
import sys

import pytest

import spanwise

HEAVY = {
    "cupy",
    "dask",
    "distributed",
    "matplotlib",
    "netCDF4",
    "numba",
    "pandas",
    "sklearn",
    "torch",
    "xarray",
    "zarr",
}
MODULES = sorted(m.name for m in pkgutil.walk_packages(spanwise.__path__, "spanwise."))


def modules_after(code):
    """Top-level modules that a fresh interpreter holds after running the code."""
    code += "; import sys, json; print(json.dumps(sorted({m.split('.')[0] for m in sys.modules})))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(run.stdout))


@pytest.mark.parametrize(
    "code",
    [
        "import spanwise",
        "import spanwise, numpy; spanwise.fft.fft(numpy.ones(4))",
        "import spanwise.fft, spanwise.errors, spanwise.machine",
    ],
)
def test_importing_and_transforming_numpy_arrays_imports_nothing_heavy(code):
    assert not modules_after(code) & HEAVY


def test_every_public_name_is_there():
    for name in spanwise.__all__:
        assert getattr(spanwise, name) is not None
        assert name in dir(spanwise)


def test_unknown_names_are_attribute_errors():
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        spanwise.nothing  # noqa: B018
    assert not hasattr(spanwise.testing, "nothing")


@pytest.mark.parametrize("name", MODULES)
def test_public_names_of_every_module_are_documented(name):
    if name.startswith("spanwise.kernels.cupy") or name.endswith("__main__"):
        return
    module = importlib.import_module(name)
    assert module.__doc__, f"{name} has no docstring"
    for public in getattr(module, "__all__", ()):
        assert hasattr(module, public), f"{name}.__all__ names {public}, which is not there"
    for attribute, value in vars(module).items():
        ours = getattr(value, "__module__", None) == name
        if attribute.startswith("_") or not ours:
            continue
        if inspect.isfunction(value) or inspect.isclass(value):
            assert inspect.getdoc(value), f"{name}.{attribute} has no docstring"
