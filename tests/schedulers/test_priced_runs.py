"""Policy cost on a mixed cluster: kernels that take as long as the test says run where it pays."""

import threading
import time
from collections import Counter

import dask
import dask.array as da
import numpy as np
import pytest
from distributed import get_worker

import spanwise as sw
from spanwise.kernels.kernel import Kernel
from spanwise.kernels.library import library_of
from spanwise.kernels.transfer import LOG
from spanwise.measures import CPU, TO_DEVICE, TO_HOST, Observation, RateTable
from spanwise.schedulers import MixedCluster, placement

SECONDS = {
    ("test-swift", "numpy"): 3e-6,
    ("test-swift", "hostfree"): 1e-7,
    ("test-slow", "numpy"): 1e-6,
    ("test-slow", "hostfree"): 5e-6,
    ("test-even", "numpy"): 2e-6,
    ("test-even", "hostfree"): 5e-7,
}
"""Of each kernel per byte that it takes in, by the library of the block."""

_lock = threading.Lock()
_ran = []


def _sleeper(name):
    def run(x):
        library = library_of(x)
        with _lock:
            _ran.append((name, library, get_worker().name, str(get_worker().get_current_task())))
        time.sleep(x.nbytes * SECONDS[name, library])
        return x + 1

    return Kernel(name, run)


KERNELS = {name: _sleeper(name) for name in ("test-swift", "test-slow", "test-even")}


def table(copy):
    """What calibration would find: the kernels as above, copies at so many seconds per byte."""
    devices = {"numpy": CPU, "hostfree": "hostfree"}
    seen = [
        Observation(kernel, "float64", devices[library], 1024, 1024 * seconds)
        for (kernel, library), seconds in SECONDS.items()
    ]
    seen += [Observation(w, "", "hostfree", 1024, 1024 * copy) for w in (TO_DEVICE, TO_HOST)]
    return RateTable().observe(seen)


@pytest.fixture(scope="module")
def cluster():
    with MixedCluster(cpu=2, gpu=1, device="hostfree", processes=False) as client:
        yield client


@pytest.fixture
def client(cluster, monkeypatch):
    monkeypatch.setattr("spanwise.rates.load_table", lambda: table(1e-8))
    _ran.clear()
    LOG.reset()
    with cluster.as_current(), placement("cost", device="hostfree"):
        yield cluster


@pytest.fixture
def x():
    return da.from_array(np.arange(1024.0).reshape(8, 128), chunks=(1, 128))


def kernel_of(name, x):
    return x.map_blocks(KERNELS[name], dtype=x.dtype, meta=x._meta)


def on_host_of(x):
    return x.map_blocks(lambda block: block * 2, dtype=x.dtype, meta=x._meta)


def where(name):
    return {(library, "@gpu" in key) for kernel, library, _, key in _ran if kernel == name}


def test_a_kernel_that_the_device_runs_faster_goes_there(client, x):
    y = kernel_of("test-swift", x)
    planned = sw.explain(y)
    np.testing.assert_array_equal(y.compute(), np.asarray(x) + 1)
    assert where("test-swift") == {("hostfree", True)}
    assert {worker for _, _, worker, _ in _ran} == {"gpu0"}
    assert LOG.to_device.copies == planned.totals.to_device.number == 8
    assert LOG.to_host.bytes == planned.totals.to_host.bytes


def test_a_kernel_that_the_device_runs_slower_stays_on_the_host(client, x):
    y = kernel_of("test-slow", x)
    assert sw.explain(y).totals.to_device.number == 0
    np.testing.assert_array_equal(y.compute(), np.asarray(x) + 1)
    assert where("test-slow") == {("numpy", False)}
    assert LOG.to_device.copies == 0


def test_copies_and_the_number_of_workers_are_weighed(client, x, monkeypatch):
    """Four times as fast on one device, three slots for the host: a tie but for the copies."""
    y = kernel_of("test-even", x)
    y.compute()
    assert where("test-even") == {("hostfree", True)}
    _ran.clear()
    monkeypatch.setattr("spanwise.rates.load_table", lambda: table(2e-7))
    (y + 0).compute()
    assert where("test-even") == {("numpy", False)}


def test_a_chain_is_one_price(client, x):
    """A kernel that would stay on the host goes along with enough that gain, not with a few."""
    for followers, library in ((2, "numpy"), (6, "hostfree")):
        y = kernel_of("test-slow", x)
        for _ in range(followers):
            y = np.cos(kernel_of("test-swift", y))
        y.compute()
        assert {found for _, found, _, _ in _ran} == {library}
        _ran.clear()
    assert (LOG.to_device.copies, LOG.to_host.copies) == (8, 8)


def test_what_stays_on_the_host_is_not_drawn_into_tasks_for_the_device(client, x):
    y = kernel_of("test-slow", on_host_of(kernel_of("test-swift", x)))
    planned = sw.explain(y).totals
    expected = (np.asarray(x) + 1) * 2 + 1
    np.testing.assert_array_equal(y.compute(), expected)
    assert where("test-swift") == {("hostfree", True)}
    assert where("test-slow") == {("numpy", False)}
    assert LOG.to_device.copies == planned.to_device.number == 8
    reverse = kernel_of("test-swift", on_host_of(kernel_of("test-slow", x)))
    _ran.clear()
    np.testing.assert_array_equal(reverse.compute(), expected)
    assert where("test-swift") == {("hostfree", True)}
    assert where("test-slow") == {("numpy", False)}


def names_of(array):
    """What comes out of the optimiser in force: names of keys, each as often as it is one."""
    placed = array.__dask_optimize__(array.dask, array.__dask_keys__())
    return Counter(key[0] for key in dict(placed))


def test_a_mixed_graph_has_one_task_for_what_each_chunk_does_in_one_place(client, x):
    y = on_host_of(kernel_of("test-swift", on_host_of(x)))
    z = on_host_of(kernel_of("test-slow", y))
    last = on_host_of(kernel_of("test-swift", z))
    assert list(names_of(z).values()) == [8, 8]
    assert list(names_of(last).values()) == [8, 8, 8, 8]  # the last are aliases
    np.testing.assert_array_equal(last.compute(), ((np.asarray(x) * 2 + 1) * 2 + 1) * 4 + 2)
    assert where("test-swift") == {("hostfree", True)}
    assert where("test-slow") == {("numpy", False)}


def test_neither_side_alone_is_better_than_the_choice(client, x):
    """The model's claim, with the bytes and kernels that a real graph has."""
    y = kernel_of("test-even", on_host_of(kernel_of("test-swift", x)))
    times = {}
    for policy in ("cost", "gpu"):
        rows = sw.explain(y, policy=policy).rows
        times[policy] = sum(r.seconds for r in rows if r.kernel)
    assert times["cost"] <= 1.1 * times["gpu"]


def test_explain_tells_price_and_reason_of_each_step(client, x):
    y = kernel_of("test-slow", on_host_of(kernel_of("test-swift", x)))
    explanation = sw.explain(y)
    rows = {row.kernel: row for row in explanation.rows if row.kernel}
    swift, slow = rows["test-swift"], rows["test-slow"]
    assert (swift.device, slow.device) == ("gpu", "cpu")
    assert swift.reason.startswith("cost: ")
    assert " of copies < " in swift.reason
    assert " of copies > " in slow.reason
    assert swift.seconds == pytest.approx(8 * 1024 * (1e-7 + 2 * 1e-8))
    assert slow.seconds == pytest.approx(3 * 1024 * 1e-6)
    assert swift.device_peak_bytes == 2 * 1024
    assert slow.device_peak_bytes == 0
    assert explanation.totals.device_peak_bytes == 2 * 1024


def test_without_measurements_the_size_rules_and_is_told(client, x, monkeypatch):
    monkeypatch.setattr("spanwise.rates.load_table", RateTable)
    large = da.ones((2, 2**18), chunks=(1, 2**18))
    for array, device in ((x, "cpu"), (large, "gpu")):
        y = kernel_of("test-swift", array)
        explanation = sw.explain(y)
        (row,) = (r for r in explanation.rows if r.kernel)
        assert row.device == device
        assert row.reason.startswith("no measurement of test-swift of float64 on the CPU; chunk")
        assert "no measurement" in str(explanation)
        assert any("spanwise calibrate" in note for note in explanation.notes)


def test_several_results_are_priced_together(client, x):
    y, z = kernel_of("test-swift", x), kernel_of("test-slow", x)
    a, b = dask.compute(y, z)
    np.testing.assert_array_equal(a, b)
    assert where("test-swift") == {("hostfree", True)}
    assert where("test-slow") == {("numpy", False)}


def test_chunks_that_differ_are_priced_by_their_mean(client):
    ragged = da.ones((7, 128), chunks=((3, 3, 1), 128))
    y = kernel_of("test-swift", ragged)[:5] + kernel_of("test-swift", ragged)[2:]
    y.compute()
    assert where("test-swift") == {("hostfree", True)}


@pytest.fixture(scope="module")
def two_models():
    with MixedCluster(cpu=1, gpu=2, device="hostfree", processes=False) as client:
        yield client


@pytest.fixture
def cards(two_models, monkeypatch):
    """GPU workers with cards of two models, the second as slow as it is told to be."""
    models = (("A100", 1), ("T4", 1))
    monkeypatch.setattr("spanwise.schedulers.devices._models_of", lambda *args: models)

    def measured(slow):
        found = table(1e-8)
        seen = [
            Observation(key.kernel, key.dtype, "A100", 1024, 1024 * measure.mean)
            for key, measure in found.of("hostfree").entries.items()
        ]
        seen += [o._replace(device="T4", seconds=slow * o.seconds) for o in seen]
        rates = found.of(CPU).observe(seen)
        monkeypatch.setattr("spanwise.rates.load_table", lambda: rates)

    _ran.clear()
    with two_models.as_current(), placement("cost", device="hostfree"):
        yield measured


def test_each_card_is_counted_with_the_rates_of_its_model(cards, x):
    """A second card takes its share of the tasks, but one that is slow holds up the last."""
    y = kernel_of("test-swift", x)
    cards(2)
    y.compute()
    assert where("test-swift") == {("hostfree", True)}
    _ran.clear()
    cards(200)
    (y + 0).compute()
    assert where("test-swift") == {("numpy", False)}


def test_explain_says_which_models_there_are(cards, x):
    cards(3)
    explanation = sw.explain(kernel_of("test-swift", x))
    assert explanation.devices == "2 GPU workers (1 A100, 1 T4)"
    (row,) = (row for row in explanation.rows if row.kernel)
    assert " with copies on 1 A100 and 1 T4 < " in row.reason
    one = 8 * 1024 * (1e-7 + 2 * 1e-8) / 2
    assert row.seconds == pytest.approx(2 / (1 / one + 1 / (3 * one)))
    assert any(
        note.startswith("Devices are of 2 models (1 A100, 1 T4)") for note in explanation.notes
    )
