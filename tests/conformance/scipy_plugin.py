"""A pytest plugin that makes SciPy's own tests test our functions.

``pytest -p scipy_plugin --spanwise=dask --pyargs scipy.fft.tests`` registers our backend, so that
the tests which SciPy runs on Dask arrays (``SCIPY_ARRAY_API=["dask.array"]``) reach ours; a
compute inside such a call is an error. ``--spanwise=numpy`` puts our functions in the place of
SciPy's, in every namespace that its tests import from. ``--spanwise=vq-dask``, ``vq-numpy`` and
``vq-torch`` do so for those of ``scipy.cluster.vq``, see ``scipy_vq.py``. In each run the report
(``--spanwise-report``) says which of our functions were called, by how many tests, and how often
with a transformed axis, or the observations, cut into chunks. What is not expected to pass stands
in ``scipy_exceptions.py``.
"""

from __future__ import annotations

import fnmatch
import functools
import importlib
import importlib.util
import inspect
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

# Plain functions in SciPy, which no backend can answer: they are substituted for Dask as well.
PLAIN = frozenset(
    {
        "fftfreq",
        "fftshift",
        "fhtoffset",
        "ifftshift",
        "next_fast_len",
        "prev_fast_len",
        "rfftfreq",
    }
)
# Namespaces of SciPy that its tests import functions from; compiled code is pocketfft up to 1.17.
NAMESPACES = ("", "._basic", "._fftlog", "._helper", "._realtransforms", "._pocketfft", "._duccfft")


class Spy:
    """What happens inside calls of ours: which, in which test, on what chunks. Thread-safe."""

    def __init__(self) -> None:
        self._local = threading.local()
        self._lock = threading.Lock()
        self.test = ""
        self.tests: set[str] = set()
        self.calls: Counter[str] = Counter()
        self.cut: Counter[str] = Counter()

    @property
    def inside(self) -> bool:
        """Whether this thread is inside a call of ours."""
        return getattr(self._local, "inside", False)

    @contextmanager
    def call(self, name: str, *, cut: bool, computes: bool = False) -> Iterator[None]:
        """Note a call; for its duration this thread is inside, unless the call may compute."""
        with self._lock:
            self.tests.add(self.test)
            self.calls[name] += 1
            self.cut[name] += cut
        self._local.inside = not computes
        try:
            yield
        finally:
            self._local.inside = False

    def schedule(self, dsk: Any, keys: Any, **kwargs: Any) -> Any:
        """Dask's scheduler for the whole run: set once, since its configuration is one for all
        threads. It refuses what a call of ours computes, and no other thread's compute.
        """
        from dask.local import get_sync

        assert not self.inside, "a call of spanwise computed a Dask graph"
        return get_sync(dsk, keys, **kwargs)


SPY = Spy()


def is_cut(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether an axis that the call transforms has several chunks."""
    from array_api_compat import is_dask_array

    if name in PLAIN or not (args and is_dask_array(args[0])):
        return False
    (x, *_), ndim = args, args[0].ndim
    given = inspect.signature(ours(name)).bind(*args, **kwargs)
    given.apply_defaults()
    s, axes = given.arguments.get("s"), given.arguments.get("axes", given.arguments.get("axis", -1))
    if axes is None:
        axes = range(0 if s is None else ndim - np.size(s), ndim)
    axes = (axes,) if isinstance(axes, int) else tuple(axes)
    return any(x.numblocks[a] > 1 for a in axes if -ndim <= a < ndim)


def ours(name: str) -> Callable[..., Any] | None:
    """Our function of SciPy's name, if there is one."""
    return getattr(importlib.import_module("spanwise.fft"), name, None)


class Substitute:
    """One of our functions in SciPy's place; SciPy's own where our kernels call it."""

    def __init__(self, name: str, original: Callable[..., Any]) -> None:
        functools.update_wrapper(self, original)
        self._name, self._original = name, original

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call ours, unless ours is calling."""
        if SPY.inside:
            return self._original(*args, **kwargs)
        with SPY.call(self._name, cut=is_cut(self._name, args, kwargs)):
            function = ours(self._name)
            assert function is not None
            return function(*args, **kwargs)

    def __reduce__(self) -> Any:
        return ours, (self._name,)


class VqSubstitute:
    """One of our functions in the place of one of ``scipy.cluster.vq``."""

    def __init__(self, name: str, original: Callable[..., Any]) -> None:
        functools.update_wrapper(self, original)
        self._name = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call ours as its documentation says."""
        import scipy_vq

        name = self._name
        args, kwargs = scipy_vq.adapt(name, args, kwargs)
        computes = name in scipy_vq.COMPUTING
        with SPY.call(scipy_vq.OURS[name], cut=scipy_vq.is_cut(args), computes=computes):
            result = scipy_vq.call(name, args, kwargs)
        return scipy_vq.restore(result, args)


class SpyingBackend:
    """Our backend for ``scipy.fft``, watched."""

    __ua_domain__ = "numpy.scipy.fft"

    @staticmethod
    def __ua_function__(method: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Answer as `spanwise.fft.backend` does."""
        from array_api_compat import is_dask_array

        import spanwise.fft

        answer = functools.partial(spanwise.fft.backend.__ua_function__, method, args, kwargs)
        if not (args and is_dask_array(args[0]) and ours(method.__name__)):
            return answer()
        with SPY.call(method.__name__, cut=is_cut(method.__name__, args, kwargs)):
            return answer()


def substitute(names: Iterator[str]) -> None:
    """Put ours in SciPy's place under these names."""
    import scipy._lib._array_api as array_api

    # SciPy's tests look up there what a function supports, by the function.
    capabilities = getattr(array_api, "xp_capabilities_table", {})
    modules = [m for m in NAMESPACES if importlib.util.find_spec(f"scipy.fft{m}")]
    for name in names:
        replacements: dict[int, Substitute] = {}
        for module in (importlib.import_module(f"scipy.fft{m}") for m in modules):
            original = getattr(module, name, None)
            if not callable(original):
                continue
            replacement = replacements.setdefault(id(original), Substitute(name, original))
            if original in capabilities:
                capabilities[replacement] = capabilities[original]
            setattr(module, name, replacement)


def substitute_vq() -> None:
    """Put ours in the place of the functions of ``scipy.cluster.vq``."""
    import scipy._lib._array_api as array_api
    import scipy.cluster.vq
    import scipy_vq

    for name in scipy_vq.OURS:
        original = getattr(scipy.cluster.vq, name)
        replacement = VqSubstitute(name, original)
        if original in array_api.xp_capabilities_table:
            array_api.xp_capabilities_table[replacement] = array_api.xp_capabilities_table[original]
        setattr(scipy.cluster.vq, name, replacement)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what to test and where to report."""
    group = parser.getgroup("spanwise-conformance")
    runs = ("dask", "numpy", "vq-dask", "vq-numpy", "vq-torch")
    group.addoption("--spanwise", choices=runs, required=True)
    group.addoption("--spanwise-report", type=Path, required=True)


def pytest_configure(config: pytest.Config) -> None:
    """Bring ours in before SciPy's test modules are imported."""
    import scipy.fft

    run = config.getoption("--spanwise")
    names = {n for n in scipy.fft.__all__ if ours(n) is not None}
    if run.startswith("vq-"):
        substitute_vq()
    elif run == "numpy":
        substitute(iter(sorted(names)))
    else:
        scipy.fft.register_backend(SpyingBackend)
        substitute(iter(sorted(names & PLAIN)))
    if is_on_dask(config):
        import dask

        dask.config.set(scheduler=SPY.schedule)


def is_on_dask(config: pytest.Config) -> bool:
    """Whether the tests run on Dask arrays."""
    return config.getoption("--spanwise").endswith("dask")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Apply the table of exceptions, and lift skips of SciPy's that are not meant for us."""
    import scipy_exceptions as table

    # SciPy checks laziness with a tool that changes Dask's configuration in every thread that
    # calls; ours (Spy.schedule) replaces it.
    for plugin in config.pluginmanager.get_plugins():
        if hasattr(plugin, "patch_lazy_xp_functions"):
            plugin.patch_lazy_xp_functions = lambda **_: nullcontext()
    run = config.getoption("--spanwise")
    entries = [e for e in table.EXCEPTIONS if e.run == run]
    unused = {e.test for e in entries}
    for item in items:
        if run == "dask" and matches(item, *table.LIFTED):
            lift(item)
        for entry in entries:
            if matches(item, entry.test):
                unused.discard(entry.test)
                strict = {"strict": True} if entry.what == "xfail" else {}
                item.add_marker(getattr(pytest.mark, entry.what)(reason=entry.reason, **strict))
    config.stash[UNUSED] = sorted(unused)


UNUSED = pytest.StashKey[list[str]]()


def matches(item: pytest.Item, *patterns: str) -> bool:
    """Whether a test's id, without its folder, fits one of the patterns."""
    _, *names = item.nodeid.split("::")
    name = "::".join((item.path.name, *names))
    return any(fnmatch.fnmatchcase(name, p) for p in patterns)


def lift(item: pytest.Item) -> None:
    """Take SciPy's skips for array libraries off a test."""
    for node in item.listchain():
        node.own_markers[:] = [m for m in node.own_markers if m.name != "skip_xp_backends"]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Any:
    """Let the spy know which test runs; give Dask its size of chunks."""
    SPY.test = item.nodeid
    if not is_on_dask(item.config):
        return (yield)
    import dask
    import scipy_exceptions as table

    sizes = (size for pattern, size in table.CHUNK_SIZES if matches(item, pattern))
    with dask.config.set({"array.chunk-size": next(sizes, "128B")}):
        return (yield)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the report."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    stats = reporter.stats if reporter is not None else {}
    report = {
        "outcomes": {k: len(stats.get(k, ())) for k in ("passed", "failed", "error", "xfailed")},
        "skipped": Counter(str(r.longrepr[2]) for r in stats.get("skipped", ())),
        "failures": [r.nodeid for k in ("failed", "error") for r in stats.get(k, ())],
        "tests": len(SPY.tests),
        "calls": SPY.calls,
        "cut": SPY.cut,
        "unused": session.config.stash.get(UNUSED, []),
    }
    session.config.getoption("--spanwise-report").write_text(json.dumps(report, indent=1))
