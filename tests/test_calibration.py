"""Measuring the machine."""

import pytest
from click.testing import CliRunner

import spanwise as sw
from spanwise import calibration, options, rates
from spanwise.cli import main
from spanwise.kernels import engines as kernels
from spanwise.kernels.engines import engines, is_installed
from spanwise.rates import EngineRate, Rates


@pytest.fixture
def file(tmp_path, monkeypatch):
    """Measurements that take no time, kept in a file of the test."""
    path = tmp_path / "rates.json"
    monkeypatch.setenv("SPANWISE_RATES", str(path))
    monkeypatch.setattr(kernels, "_ENGINES", dict(kernels._ENGINES))
    monkeypatch.setattr(calibration, "_SECONDS", 0)
    monkeypatch.setattr(calibration, "_PLANE", 16)
    monkeypatch.setattr(calibration, "_BYTES", 2**14)
    return path


def test_every_installed_kernel_is_measured_on_every_type(file):
    found = sw.calibrate()
    installed = {name for name in engines() if is_installed(name)}
    types = {"complex64", "complex128", "float32", "float64"}
    assert {(r.engine, r.dtype) for r in found.fft} == {(e, t) for e in installed for t in types}
    assert rates.load() == found


def test_nothing_is_kept_unless_asked_for(file):
    assert sw.calibrate(save=False).copy > 0
    assert not file.exists()


def test_the_store_is_measured_where_it_is_and_left_as_it_was(file, tmp_path):
    store = tmp_path / "store"
    store.mkdir()
    with sw.set_options(temporary_store=store):
        assert sw.calibrate().folder == str(store)
    assert list(store.iterdir()) == []


def test_plans_know_the_rates_of_the_machine(file):
    assert options.machine().rates is None
    found = sw.calibrate()
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
