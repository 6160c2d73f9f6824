"""Tables of kernels on devices: sent once, within a bound, given back when asked."""

import threading

import numpy as np
import pytest

from spanwise.kernels import tables
from spanwise.kernels.tables import drop_tables, table_of
from spanwise.testing import HostFree, hostfree_namespace, xp_assert_equal
from spanwise.testing.cases import all_cases

X = HostFree.copy_from_host(np.zeros((2, 3), "float32"))
OF_THE_CALL = {
    "signal.fftconvolve": 1,
    "signal.oaconvolve": 1,
    "signal.welch": 1,
    "signal.spectrogram": 2,
    "signal.stft": 2,
    "signal.periodogram": 1,
    "signal.csd": 1,
    "signal.coherence": 1,
    "signal.istft": 1,
}
"""Arrays of the host that a call is given (a kernel) or gives out (frequencies, times)."""


@pytest.fixture(autouse=True)
def _nothing_kept():
    drop_tables("hostfree")
    yield
    drop_tables("hostfree")


class Maker:
    """Makes ramps, and counts how many."""

    def __init__(self):
        self.made = []

    def __call__(self, n, step=1.0):
        self.made.append((n, step))
        return step * np.arange(n)


def host(table):
    return table.copy_to_host()


def test_a_device_gets_the_same_table_once():
    make = Maker()
    first = table_of(X, make, 4, 0.5)
    assert table_of(X[:1], make, 4, 0.5) is first
    assert make.made == [(4, 0.5)]
    np.testing.assert_array_equal(host(first), [0, 0.5, 1, 1.5])


def test_tables_of_other_arguments_types_and_axes_are_others():
    make = Maker()
    whole = table_of(X, make, 3)
    single = table_of(X, make, 3, dtype="float32")
    along = table_of(X, make, 3, axis=1)
    upright = table_of(X, make, 3, axis=0)
    longer = table_of(X, make, 5)
    assert [t.shape for t in (whole, along, upright, longer)] == [(3,), (1, 3), (3, 1), (5,)]
    assert (whole.dtype, single.dtype) == ("float64", "float32")
    assert len(make.made) == 5


def test_the_rank_of_the_block_tells_tables_along_an_axis_apart():
    make = Maker()
    assert table_of(X, make, 3, axis=0).shape == (3, 1)
    assert table_of(X[..., None], make, 3, axis=0).shape == (3, 1, 1)


def test_arrays_of_tuples_are_sent_and_all_else_stays():
    def make():
        return (np.arange(3), 5, (np.ones(2), None))

    ramp, five, (ones, nothing) = table_of(X, make)
    assert isinstance(ramp, HostFree)
    assert isinstance(ones, HostFree)
    assert (five, nothing) == (5, None)
    assert drop_tables("hostfree") == 3 * 8 + 2 * 8


def test_nothing_is_kept_of_arguments_that_cannot_be_hashed():
    calls = []

    def make(values):
        calls.append(1)
        return np.asarray(values)

    for _ in range(2):
        np.testing.assert_array_equal(host(table_of(X, make, [1.0, 2.0])), [1, 2])
    assert len(calls) == 2
    assert drop_tables("hostfree") == 0


def test_nothing_is_kept_where_the_caller_says_so():
    make = Maker()
    table_of(X, make, 3, keep=False)
    assert drop_tables("hostfree") == 0


@pytest.mark.skip_xp_backends("dask", reason="kernels take concrete blocks")
def test_every_library_gets_its_own_table(xp):
    x = xp.asarray(np.zeros((2, 3)))
    table = table_of(x, Maker(), 3, axis=1, dtype="float32")
    xp_assert_equal(table, xp.asarray(np.arange(3, dtype="float32")[None]))


def test_those_that_were_not_asked_for_longest_go_first(monkeypatch):
    monkeypatch.setattr(tables, "_KEPT_BYTES", 3 * 80)
    make = Maker()
    for step in (1, 2, 3, 1, 4, 1, 2):
        table_of(X, make, 10, step)
    assert [step for _, step in make.made] == [1, 2, 3, 4, 2]
    assert drop_tables("hostfree") == 3 * 80


def test_their_number_is_bounded_too(monkeypatch):
    monkeypatch.setattr(tables, "_KEPT_TABLES", 3)
    for step in range(10):
        table_of(X, Maker(), 10, step)
    assert drop_tables("hostfree") == 3 * 80


def test_a_table_beyond_the_bound_is_sent_and_not_kept(monkeypatch):
    monkeypatch.setattr(tables, "_KEPT_BYTES", 79)
    np.testing.assert_array_equal(host(table_of(X, Maker(), 10)), np.arange(10))
    assert drop_tables("hostfree") == 0


def test_what_is_dropped_is_made_again():
    make = Maker()
    table_of(X, make, 10)
    assert (drop_tables("cupy"), drop_tables("hostfree"), drop_tables("hostfree")) == (0, 80, 0)
    table_of(X, make, 10)
    assert len(make.made) == 2


def test_streams_have_tables_of_their_own(monkeypatch):
    make, found = Maker(), []
    for stream in (0, 7, 0):
        monkeypatch.setattr(tables, "_stream_of", lambda x, stream=stream: stream)
        found.append(table_of(X, make, 4))
    assert found[0] is found[2]
    assert found[0] is not found[1]


def test_threads_share_tables_within_the_bound(monkeypatch):
    monkeypatch.setattr(tables, "_KEPT_BYTES", 5 * 80)
    make, wrong = Maker(), []

    def ask(seed):
        steps = np.random.default_rng(seed).integers(0, 12, 300).tolist()
        wrong.extend(s for s in steps if host(table_of(X, make, 10, s))[1] != s)

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert drop_tables("hostfree") <= 5 * 80


CASES = {case.function: case for case in all_cases() if not case.function.startswith("cluster.")}


@pytest.mark.parametrize("name", [name for name in CASES if not CASES[name].creates])
def test_a_second_block_needs_no_table_from_the_host(name, monkeypatch):
    case, sent = CASES[name], []
    x = HostFree.copy_from_host(case.values)
    case.call(x, hostfree_namespace)
    asarray = hostfree_namespace.asarray

    def watched(obj, /, **how):
        if isinstance(obj, np.ndarray):
            sent.append(obj.shape)
        return asarray(obj, **how)

    monkeypatch.setattr(hostfree_namespace, "asarray", watched)
    case.call(x, hostfree_namespace)
    assert len(sent) == OF_THE_CALL.get(name, 0), sent
