"""SciPy's own tests pass on our functions, but for a table of exceptions.

They run in interpreters of their own, since SciPy reads ``SCIPY_ARRAY_API`` when it is imported.
Those of ``scipy.fft``: once on Dask arrays whose chunks are so small that nearly every transformed
axis is cut, through ``scipy.fft`` and our backend, and once on NumPy arrays with our functions in
SciPy's place. Those of ``scipy.cluster.vq`` with our functions in SciPy's place: on Dask arrays
that are cut as small, on NumPy arrays and, where it is installed, on PyTorch's.
"""

import contextlib
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import scipy
import scipy.fft

import spanwise as sw

HERE = Path(__file__).parent
VERSION = tuple(map(int, scipy.__version__.split(".")[:2]))
PACKAGES = {"dask": "scipy.fft.tests", "numpy": "scipy.fft"}
if VERSION < (1, 16):
    del PACKAGES["dask"]  # the tests of SciPy 1.15 do not know Dask arrays
LIBRARIES = {"dask": '["dask.array"]', "numpy": '["numpy"]', "torch": '["torch"]'}
VQ_RUNS = ["vq-dask", "vq-numpy"] + ["vq-torch"] * (importlib.util.find_spec("torch") is not None)
if VERSION >= (1, 17):  # ours do what SciPy does since then
    FOLDER = "scipy.cluster" if VERSION < (1, 18) else "scipy.cluster.vq"
    PACKAGES |= dict.fromkeys(VQ_RUNS, f"{FOLDER}.tests.test_vq")
VQ_FUNCTIONS = ["kmeans", "kmeans2", "vq", "whiten"]
LEAST_PASSED = {"dask": 1500, "numpy": 1500, "vq-dask": 20, "vq-numpy": 20, "vq-torch": 20}
LEAST_REACHING = {"dask": 1000, "numpy": 3500, "vq-dask": 20, "vq-numpy": 20, "vq-torch": 20}
SHARED = [n for n in scipy.fft.__all__ if hasattr(sw.fft, n)]
DISPATCHED = [n for n in SHARED if type(getattr(scipy.fft, n)) is type(scipy.fft.fft)]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("scipy.fft.tests") is None,
        reason=f"this build of SciPy {scipy.__version__} comes without its tests",
    ),
]


def start(run, folder):
    """A process that runs SciPy's tests, and the files it writes."""
    report, output = folder / "report.json", folder / "output.txt"
    (folder / "pytest.ini").write_text("[pytest]\n")
    options = [
        *("-q", "--tb=short", "-W", "ignore", "-p", "no:cacheprovider", "-p", "scipy_plugin"),
        *(f"--spanwise={run}", f"--spanwise-report={report}", "--pyargs", PACKAGES[run]),
        *("-c", str(folder / "pytest.ini"), f"--rootdir={folder}"),
    ]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")} | {
        "PYTHONPATH": os.pathsep.join([str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])]),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "SCIPY_ARRAY_API": LIBRARIES[run.removeprefix("vq-")],
    }
    with output.open("w", encoding="utf-8") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", *options],
            cwd=folder,
            env=environment,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
    return process, report, output


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """What all runs, side by side, wrote: the last of their output and their reports."""
    with contextlib.ExitStack() as stack:
        started = {}
        for run in PACKAGES:
            started[run] = start(run, tmp_path_factory.mktemp(run))
            stack.callback(started[run][0].kill)
        written = {}
        for run, (process, report, output) in started.items():
            process.wait(timeout=1800)
            tail = output.read_text(encoding="utf-8")[-6000:]
            assert report.exists(), tail
            written[run] = (tail, json.loads(report.read_text()))
        return written


@pytest.mark.parametrize("run", PACKAGES)
def test_scipys_own_tests_pass(run, reports):
    tail, report = reports[run]
    assert report["failures"] == [], tail
    assert report["outcomes"]["passed"] > LEAST_PASSED[run], tail


@pytest.mark.parametrize("run", PACKAGES)
def test_every_entry_of_the_table_of_exceptions_is_needed(run, reports):
    _, report = reports[run]
    assert report["unused"] == []


@pytest.mark.parametrize("run", PACKAGES)
def test_scipys_tests_reach_every_function_of_ours(run, reports):
    _, report = reports[run]
    names = {"dask": DISPATCHED, "numpy": SHARED}.get(run, VQ_FUNCTIONS)
    assert [n for n in names if not report["calls"].get(n)] == []
    assert report["tests"] >= LEAST_REACHING[run]


@pytest.mark.skipif("dask" not in PACKAGES, reason="SciPy's tests know Dask arrays since 1.16")
def test_scipys_tests_cut_an_axis_that_each_function_transforms(reports):
    _, report = reports["dask"]
    assert [n for n in DISPATCHED if not report["cut"].get(n)] == []
    assert sum(report["cut"].values()) >= 1000


@pytest.mark.skipif("vq-dask" not in PACKAGES, reason="ours do what SciPy does since 1.17")
def test_scipys_tests_cut_the_observations_of_each_function_of_vq(reports):
    _, report = reports["vq-dask"]
    assert [n for n in VQ_FUNCTIONS if not report["cut"].get(n)] == []
