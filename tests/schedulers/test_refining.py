"""What placed tasks recorded refines the rates, each run once."""

import dask.array as da
import hypothesis.strategies as st
import pytest
from hypothesis import given

import spanwise as sw
from spanwise import rates
from spanwise.measures import CPU, TO_DEVICE, RateTable
from spanwise.schedulers import MixedCluster, devices, place_on, placement, refining
from spanwise.schedulers.policy import DeviceFacts
from spanwise.schedulers.records import RECORDS, Counted, KernelSize, Record
from spanwise.schedulers.refining import Refiner


def sums(kernel, number=4, seconds=2.0, library="hostfree"):
    size = KernelSize(kernel, library, "float32", 11)
    return {size: Counted(number, 1024 * number, seconds)}


FFT = Record(kernels=sums("fft"), to_device=Counted(4, 4096, 1.0), to_host=Counted(4, 8192, 1.0))


def test_runs_and_copies_become_measures():
    table = Refiner().measured({"fft@gpu-1": FFT}, "hostfree")
    measure = table.lookup("fft", "float32", "hostfree", 1024)
    assert (measure.n, measure.mean) == (4, 2.0 / 4096)
    assert table.lookup(TO_DEVICE, "", "hostfree", 1024).mean == 1.0 / 4096


def test_what_ran_on_the_host_instead_counts_for_the_host():
    record = Record(kernels=sums("fft", 1, library="numpy"))
    assert Refiner().measured({"a": record}, "A100").devices == (CPU,)


def test_a_device_of_unknown_model_teaches_nothing():
    record = Record(kernels=sums("fft", 1, library="cupy"), to_device=Counted(1, 1024, 1.0))
    assert not Refiner().measured({"a": record}, "")
    assert Refiner().measured({"a": record}, "A100").devices == ("A100",)


def test_copies_of_tasks_without_a_kernel_on_a_device_teach_nothing():
    assert not Refiner().measured({"a": Record(to_device=Counted(1, 1024, 1.0))}, "A100")


@given(st.lists(st.integers(0, 5), min_size=1, max_size=6))
def test_records_that_grow_count_each_run_once(steps):
    refiner, total, number = Refiner(), RateTable(), 0
    for step in steps:
        number += step
        grown = Record(kernels=sums("fft", number, 0.5 * number))
        total = total.merge(refiner.measured({"a": grown}, "hostfree"))
    found = total.lookup("fft", "float32", "hostfree", 1024)
    assert (found.n if found else 0) == number


def test_records_that_were_lost_with_a_worker_are_not_subtracted():
    refiner = Refiner()
    refiner.measured({"a": Record(kernels=sums("fft", 9))}, "hostfree")
    again = refiner.measured({"a": Record(kernels=sums("fft", 2))}, "hostfree")
    assert again.lookup("fft", "float32", "hostfree", 1024).n == 2


def test_runs_are_added_to_the_file_or_forgone(tmp_path, monkeypatch):
    monkeypatch.setenv("SPANWISE_RATES", str(tmp_path / "rates.json"))
    refiner = Refiner()
    refiner.refine({"a": FFT}, "hostfree")
    refiner.refine({"a": FFT}, "hostfree")
    assert rates.load_table().lookup("fft", "float32", "hostfree", 1024).n == 4
    monkeypatch.setattr(rates, "add", pytest.fail)
    refiner.refine({"a": FFT}, "hostfree")
    monkeypatch.setattr(rates, "add", lambda table: (_ for _ in ()).throw(OSError("read-only")))
    refiner.refine({"b": FFT}, "hostfree")


def test_each_client_has_records_of_its_own(tmp_path, monkeypatch):
    class Client:
        pass

    monkeypatch.setenv("SPANWISE_RATES", str(tmp_path / "rates.json"))
    monkeypatch.setattr(refining, "_here", Refiner())
    first, second = Client(), Client()
    for client in (first, second, first, None, None):
        refining.refine({"a": FFT}, client=client)
    assert rates.load_table().lookup("fft", "float32", "hostfree", 1024).n == 3 * 4


def test_the_model_is_asked_for_where_cupy_ran(tmp_path, monkeypatch):
    monkeypatch.setenv("SPANWISE_RATES", str(tmp_path / "rates.json"))
    monkeypatch.setattr(refining, "_here", Refiner())
    monkeypatch.setattr(devices, "survey", lambda device, client: DeviceFacts(device, 1))
    monkeypatch.setattr(devices, "cuda_model", lambda: "A100")
    refining.refine({"a": Record(kernels=sums("fft", 1, library="cupy"))})
    assert rates.load_table().devices == ("A100",)


def test_leaving_a_cluster_refines_the_rates_by_what_ran_there(tmp_path, monkeypatch):
    monkeypatch.setenv("SPANWISE_RATES", str(tmp_path / "rates.json"))
    y = sw.fft.fft(da.ones((4, 128), chunks=(1, 128), dtype="complex64"))
    RECORDS.clear()
    with MixedCluster(cpu=1, gpu=1, device="hostfree", processes=False) as client:
        with place_on(client), placement("gpu", device="hostfree"):
            y.compute()
        assert rates.load_table().lookup("fft", "complex64", "hostfree", 1024).n == 4
        assert rates.load_table().lookup(TO_DEVICE, "", "hostfree", 1024).n == 4
        with place_on(client):
            pass
    assert rates.load_table().lookup("fft", "complex64", "hostfree", 1024).n == 4


def test_workers_that_do_not_answer_hold_up_nobody(monkeypatch):
    def silent(client, timeout):
        assert timeout == refining.PATIENCE
        raise TimeoutError

    monkeypatch.setattr(refining, "collect", silent)
    monkeypatch.setattr(refining, "refine", pytest.fail)
    refining.refine_from(object())
