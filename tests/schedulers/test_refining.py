"""What placed tasks recorded refines the rates, each run once."""

import sys
import types

import dask.array as da
import hypothesis.strategies as st
import pytest
from hypothesis import given

import spanwise as sw
from spanwise import rates
from spanwise.measures import CPU, TO_DEVICE, Observation, RateTable
from spanwise.schedulers import MixedCluster, devices, place_on, placement, refining
from spanwise.schedulers.records import RECORDS, Counted, KernelSize, Record, collect_by_model
from spanwise.schedulers.refining import Refiner


def sums(kernel, number=4, seconds=2.0, library="cupy"):
    size = KernelSize(kernel, library, "float32", 11)
    return {size: Counted(number, 1024 * number, seconds)}


FFT = Record(kernels=sums("fft"), to_device=Counted(4, 4096, 1.0), to_host=Counted(4, 8192, 1.0))


def test_runs_and_copies_become_measures():
    table = Refiner().measured({"A100": {"fft@gpu-1": FFT}})
    measure = table.lookup("fft", "float32", "A100", 1024)
    assert (measure.n, measure.mean) == (4, 2.0 / 4096)
    assert table.lookup(TO_DEVICE, "", "A100", 1024).mean == 1.0 / 4096


def test_each_model_has_measures_of_its_own():
    slow = Record(kernels=sums("fft", seconds=8.0), to_device=Counted(4, 4096, 3.0))
    table = Refiner().measured({"A100": {"a": FFT}, "T4": {"a": slow}, "": {}})
    assert table.devices == ("A100", "T4")
    assert table.lookup("fft", "float32", "A100", 1024).mean == 2.0 / 4096
    assert table.lookup("fft", "float32", "T4", 1024).mean == 8.0 / 4096
    assert table.lookup(TO_DEVICE, "", "T4", 1024).mean == 3.0 / 4096


def test_what_ran_on_the_host_instead_counts_for_the_host():
    record = Record(kernels=sums("fft", 1, library="numpy"))
    assert Refiner().measured({"A100": {"a": record}}).devices == (CPU,)


def test_a_device_of_unknown_model_teaches_nothing():
    record = Record(kernels=sums("fft", 1), to_device=Counted(1, 1024, 1.0))
    assert not Refiner().measured({"": {"a": record}})
    assert Refiner().measured({"A100": {"a": record}}).devices == ("A100",)


def test_copies_of_tasks_without_a_kernel_on_a_device_teach_nothing():
    assert not Refiner().measured({"A100": {"a": Record(to_device=Counted(1, 1024, 1.0))}})


def test_what_was_placed_on_a_stand_in_teaches_nothing_of_the_host_either():
    kernels = sums("fft", 1, library="hostfree") | sums("fft", 1, library="numpy")
    record = Record(kernels=kernels, to_device=Counted(1, 1024, 1.0), stand_in=True)
    assert not Refiner().measured({"": {"a": record}})


@given(st.lists(st.integers(0, 5), min_size=1, max_size=6))
def test_records_that_grow_count_each_run_once(steps):
    refiner, total, number = Refiner(), RateTable(), 0
    for step in steps:
        number += step
        grown = Record(kernels=sums("fft", number, 0.5 * number))
        total = total.merge(refiner.measured({"A100": {"a": grown}}))
    found = total.lookup("fft", "float32", "A100", 1024)
    assert (found.n if found else 0) == number


def test_records_that_were_lost_with_a_worker_are_not_subtracted():
    refiner = Refiner()
    refiner.measured({"A100": {"a": Record(kernels=sums("fft", 9))}})
    again = refiner.measured({"A100": {"a": Record(kernels=sums("fft", 2))}})
    assert again.lookup("fft", "float32", "A100", 1024).n == 2


def test_runs_are_added_to_the_file_or_forgone(tmp_path, monkeypatch):
    monkeypatch.setenv("SPANWISE_RATES", str(tmp_path / "rates.json"))
    refiner = Refiner()
    refiner.refine({"A100": {"a": FFT}})
    refiner.refine({"A100": {"a": FFT}})
    assert rates.load_table().lookup("fft", "float32", "A100", 1024).n == 4
    monkeypatch.setattr(rates, "add", pytest.fail)
    refiner.refine({"A100": {"a": FFT}})
    monkeypatch.setattr(rates, "add", lambda table: (_ for _ in ()).throw(OSError("read-only")))
    refiner.refine({"A100": {"b": FFT}})


def test_each_client_has_records_of_its_own(tmp_path, monkeypatch):
    class Client:
        pass

    monkeypatch.setenv("SPANWISE_RATES", str(tmp_path / "rates.json"))
    monkeypatch.setattr(refining, "_here", Refiner())
    first, second = Client(), Client()
    for client in (first, second, first, None, None):
        refining.refine({"A100": {"a": FFT}}, client=client)
    assert rates.load_table().lookup("fft", "float32", "A100", 1024).n == 3 * 4


def test_a_process_tells_its_model_once_kernels_have_run_on_its_device(monkeypatch):
    monkeypatch.setattr(devices, "cuda_model", lambda: "A100")
    monkeypatch.delitem(sys.modules, "cupy", raising=False)
    assert list(collect_by_model()) == [""]
    monkeypatch.setitem(sys.modules, "cupy", types.ModuleType("cupy"))
    assert list(collect_by_model()) == ["A100"]


@pytest.fixture
def stand_in_run(tmp_path, monkeypatch):
    """A cluster with a stand-in on which a result was computed, and the file of the rates."""
    file = tmp_path / "rates.json"
    monkeypatch.setenv("SPANWISE_RATES", str(file))
    y = sw.fft.fft(da.ones((4, 128), chunks=(1, 128), dtype="complex64"))
    RECORDS.clear()
    with (
        MixedCluster(cpu=1, gpu=1, device="hostfree", processes=False) as client,
        place_on(client),
        placement("gpu", device="hostfree"),
    ):
        y.compute()
        yield client, y, file


def test_runs_on_a_stand_in_leave_the_rates_of_the_user_alone(stand_in_run):
    client, y, file = stand_in_run
    assert sum(row.on_device for row in sw.report(y).rows) == 4
    with place_on(client):
        pass
    assert not file.exists()


def test_runs_on_a_stand_in_add_nothing_to_what_it_was_calibrated_to(stand_in_run):
    _, y, _ = stand_in_run
    known = RateTable().observe([Observation("fft", "complex64", "hostfree", 1024, 1.0)])
    rates.save(table=known)
    sw.report(y)
    assert rates.load_table() == known


def test_leaving_a_cluster_refines_the_rates_by_what_ran_there(stand_in_run, monkeypatch):
    client, _, _ = stand_in_run
    monkeypatch.setattr(RECORDS, "snapshot", lambda: {"fft@gpu-1": FFT})
    monkeypatch.setattr("spanwise.schedulers.records._model", lambda: "A100")
    for _ in range(2):
        with place_on(client):
            pass
        assert rates.load_table().lookup("fft", "float32", "A100", 1024).n == 4
        assert rates.load_table().lookup(TO_DEVICE, "", "A100", 1024).n == 4


def test_workers_that_do_not_answer_hold_up_nobody(monkeypatch):
    def silent(client, timeout):
        assert timeout == refining.PATIENCE
        raise TimeoutError

    monkeypatch.setattr(refining, "collect_by_model", silent)
    monkeypatch.setattr(refining, "refine", pytest.fail)
    refining.refine_from(object())
