"""Measuring the machine."""

import pytest
from click.testing import CliRunner

import spanwise as sw
from spanwise import calibration, options, probing, rates
from spanwise.cli import main
from spanwise.errors import ArgumentError
from spanwise.kernels import engines as kernels
from spanwise.kernels.engines import engines, is_installed
from spanwise.kernels.kernel import Kernel
from spanwise.kernels.probes import probes
from spanwise.measures import CPU, TO_DEVICE, TO_HOST
from spanwise.rates import EngineRate, Rates
from spanwise.schedulers import MixedCluster, devices


@pytest.fixture
def file(tmp_path, monkeypatch):
    """Measurements that take no time, kept in a file of the test."""
    path = tmp_path / "rates.json"
    monkeypatch.setenv("SPANWISE_RATES", str(path))
    monkeypatch.setattr(kernels, "_ENGINES", dict(kernels._ENGINES))
    monkeypatch.setattr(calibration, "_SECONDS", 0)
    monkeypatch.setattr(calibration, "_PLANE", 16)
    monkeypatch.setattr(calibration, "_BYTES", 2**14)
    monkeypatch.setattr(probing, "_SECONDS", 0)
    monkeypatch.setattr(probing, "_LEAST_RUNS", 1)
    monkeypatch.setattr(probing, "_SIZES", {"numpy": (1,), "hostfree": (1,), "cupy": (1,)})
    return path


def test_every_installed_kernel_is_measured_on_every_type(file):
    found = sw.calibrate().machine
    installed = {name for name in engines() if is_installed(name)}
    types = {"complex64", "complex128", "float32", "float64"}
    assert {(r.engine, r.dtype) for r in found.fft} == {(e, t) for e in installed for t in types}
    assert rates.load() == found


def test_nothing_is_kept_unless_asked_for(file):
    assert sw.calibrate(save=False).machine.copy > 0
    assert not file.exists()


def test_the_store_is_measured_where_it_is_and_left_as_it_was(file, tmp_path):
    store = tmp_path / "store"
    store.mkdir()
    with sw.set_options(temporary_store=store):
        assert sw.calibrate().machine.folder == str(store)
    assert list(store.iterdir()) == []


def test_plans_know_the_rates_of_the_machine(file):
    assert options.machine().rates is None
    found = sw.calibrate().machine
    assert options.machine().rates == found
    with sw.set_options(memory="1GiB"):
        assert options.machine().rates == found


def test_the_fastest_kernel_is_taken_unless_one_is_named(file):
    assert options.fft_engine("complex64", rates.load()) == "scipy"
    fast = EngineRate("mine", "complex64", 9e9)
    sw.fft.register_kernel("mine", "spanwise.kernels.numpy.fft_scipy:transform")
    rates.save(Rates((EngineRate("scipy", "complex64", 4e9), fast), 1, 1, 1))
    found = options.fft_engine("complex64", rates.load())
    assert found == "spanwise.kernels.numpy.fft_scipy:transform"
    assert options.fft_engine("complex128", rates.load()) == "scipy"
    with sw.set_options(fft_kernel="scipy"):
        assert options.fft_engine("complex64", rates.load()) == "scipy"


def test_the_command_prints_the_rates_and_where_they_are(file):
    done = CliRunner().invoke(main, ["calibrate"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "FFT to complex64" in done.output
    assert "scipy" in done.output
    assert str(file) in done.output
    assert file.exists()


def test_the_command_can_leave_no_trace(file):
    done = CliRunner().invoke(main, ["calibrate", "--no-save"], catch_exceptions=False)
    assert "GB/s" in done.output
    assert not file.exists()


def test_doctor_says_what_was_measured_or_how_to(file):
    from spanwise.cli import doctor

    (missing,) = doctor.calibration()
    assert "spanwise calibrate" in missing.advice
    sw.calibrate()
    assert {"file", "FFT to complex64", "copy in memory"} <= {f.name for f in doctor.calibration()}
    file.write_text("{")
    (broken,) = doctor.calibration()
    assert str(file) in broken.value


def measured(table, device):
    return {(key.kernel, key.dtype) for key in table.of(device).entries}


COPIES = {(TO_DEVICE, ""), (TO_HOST, "")}
PROBES = list(probes(lambda dtype: "scipy"))
PROBED = {(probe.kernel, probe.dtype) for probe in PROBES}


def test_kernels_are_measured_on_the_host_and_on_a_device_that_is_asked_for(file):
    found = sw.calibrate(device="hostfree")
    assert measured(found.table, CPU) == PROBED
    assert measured(found.table, "hostfree") == PROBED | COPIES
    assert rates.load_table() == found.table
    if isinstance(devices.cuda_devices(), str):
        assert sw.calibrate(save=False).table.devices == (CPU,)


@pytest.mark.parametrize(
    "probe", [*probes(lambda dtype: "scipy")], ids=lambda p: p.kernel + p.dtype
)
@pytest.mark.parametrize("library", ["numpy", "hostfree"])
def test_probes_are_kernels_that_a_device_serves(probe, library):
    block = probe.block(2**18)
    assert block.dtype == probe.dtype
    there = block if library == "numpy" else sw.to_device(block, library=library)
    probe.run(there)


def test_probes_name_kernels():
    from spanwise.kernels import catalog, kernel

    assert catalog
    names = {kernel for kernel, _ in PROBED} - {"elementwise"}
    assert all(isinstance(kernel._REGISTRY[name], Kernel) for name in names)


def test_a_device_that_is_not_there_is_refused(file, monkeypatch):
    monkeypatch.setattr(devices, "cuda_devices", lambda: "CuPy is not installed here")
    with pytest.raises(ArgumentError, match="device='cupy': CuPy is not installed here"):
        sw.calibrate(device="cupy")
    with pytest.raises(ArgumentError, match="device='tpu'"):
        sw.calibrate(device="tpu")
    assert not file.exists()


def test_one_worker_of_each_kind_is_measured(file, untroubled_by_the_process):
    machine = sw.calibrate(device="hostfree").machine
    with MixedCluster(cpu=2, gpu=2, device="hostfree", processes=False) as client:
        found = sw.calibrate(client=client, device="hostfree")
        address = client.scheduler.address
        done = CliRunner().invoke(
            main,
            ["calibrate", "--scheduler", address, "--device", "hostfree", "--no-save"],
            catch_exceptions=False,
        )
    assert found.machine is None
    assert measured(found.table, CPU) == PROBED
    assert measured(found.table, "hostfree") == PROBED | COPIES
    assert (rates.load(), rates.load_table()) == (machine, found.table)
    assert f"rates of the workers of {address}" in done.output
    assert "placement, hostfree" in done.output


def test_rates_go_to_the_policy(file):
    """From the clock to the reason: with every kernel measured nothing is left to the size."""
    import dask.array as da

    sw.calibrate(device="hostfree")
    y = sw.fft.fft(da.ones((4, 2**15), chunks=(1, 2**15), dtype="complex64"))
    with sw.schedulers.placement("cost", device="hostfree"):
        (row,) = (r for r in sw.explain(y).rows if r.kernel)
    assert row.reason.startswith("cost: ")
    assert row.seconds > 0
