import os
import subprocess
import sys

import numpy as np
import pytest
import scipy.fft
import xarray as xr
from click.testing import CliRunner

from spanwise.cli import main

COMMANDS = ("fft", "power-spectrum", "kmeans", "demo", "plan", "calibrate", "doctor")


def spanwise(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments], catch_exceptions=False)


def result(path, name=None):
    dataset = xr.open_dataset(path, engine="zarr").load()
    return dataset if name is None else dataset[name]


@pytest.fixture
def source(tmp_path):
    rng = np.random.default_rng(0)
    values = rng.standard_normal((24, 6, 8)).astype(np.float32)
    sst = xr.DataArray(
        values,
        {"time": ("time", np.arange(24.0), {"units": "day"})},
        ("time", "y", "x"),
        "sst",
        {"units": "K"},
    )
    path = tmp_path / "sst.zarr"
    xr.Dataset({"sst": sst, "crs": ((), 0)}).to_zarr(
        path, encoding={"sst": {"chunks": (5, 6, 8)}}, consolidated=False
    )
    return path, values


def test_fft_writes_the_transform_along_a_cut_dimension(source, tmp_path):
    path, values = source
    done = spanwise("fft", f"{path}:sst", tmp_path / "out.zarr", "--dim", "time")
    assert done.exit_code == 0, done.output
    found = result(tmp_path / "out.zarr", "sst")
    assert found.dims == ("freq_time", "y", "x")
    assert found.dtype == np.complex64
    assert found.freq_time.units == "1/day"
    expected = scipy.fft.fftshift(scipy.fft.fft(values, axis=0), axes=0)
    np.testing.assert_allclose(found.values, expected, rtol=1e-4, atol=1e-4)
    assert "GB/s" in done.stdout


def test_half_keeps_the_non_negative_frequencies(source, tmp_path):
    path, values = source
    spanwise("fft", path, tmp_path / "out.zarr", "--dim", "y", "--dim", "time", "--half")
    found = result(tmp_path / "out.zarr", "sst")
    assert dict(found.sizes) == {"freq_time": 13, "freq_y": 6, "x": 8}
    expected = scipy.fft.fftshift(scipy.fft.rfftn(values, axes=(1, 0)), axes=1)
    np.testing.assert_allclose(abs(found.values), abs(expected), rtol=1e-4, atol=1e-4)


def test_power_spectrum_keeps_parsevals_theorem(source, tmp_path):
    path, values = source
    done = spanwise("power-spectrum", path, tmp_path / "out.zarr", "--dim", "time", "--half")
    assert done.exit_code == 0, done.output
    found = result(tmp_path / "out.zarr", "sst")
    assert found.units == "K^2 day"
    total = found.sum("freq_time") / 24
    np.testing.assert_allclose(total, (values**2).mean(axis=0), rtol=1e-4)


@pytest.mark.parametrize(
    ("how", "sizes"),
    [(("--sample-dim", "time"), {"time": 24}), (("--feature-dim", "time"), {"y": 6, "x": 8})],
)
def test_kmeans_labels_the_samples(source, tmp_path, how, sizes):
    path, _ = source
    done = spanwise("kmeans", path, tmp_path / "out.zarr", "-k", 3, *how)
    assert done.exit_code == 0, done.output
    found = result(tmp_path / "out.zarr")
    assert dict(found.labels.sizes) == sizes
    assert set(np.unique(found.labels)) == {0, 1, 2}
    assert found.sizes["cluster"] == 3


def test_kmeans_is_reproducible_by_its_seed_whatever_the_chunks(source, tmp_path):
    path, _ = source
    for name, chunks in (("a", "time=5"), ("b", "time=-1")):
        spanwise("kmeans", path, tmp_path / f"{name}.zarr", "-k", 3, "--sample-dim", "time",
                 "--seed", 4, "--chunks", chunks)  # fmt: skip
    xr.testing.assert_identical(result(tmp_path / "a.zarr"), result(tmp_path / "b.zarr"))


@pytest.mark.parametrize("how", [(), ("--sample-dim", "time", "--feature-dim", "x")])
def test_kmeans_wants_one_of_samples_and_features(source, tmp_path, how):
    done = spanwise("kmeans", source[0], tmp_path / "out.zarr", "-k", 3, *how)
    assert done.exit_code == 2
    assert "exactly one of --sample-dim and --feature-dim" in done.stderr


@pytest.mark.parametrize(
    ("command", "step"),
    [
        (("fft", "--dim", "time", "--chunks", "time=5"), "exchange: "),
        (("power-spectrum", "--dim", "time"), "spanwise-power-spectrum"),
        (("kmeans", "-k", "3", "--sample-dim", "time"), "spanwise-kmeans-lloyd"),
        (("kmeans", "-k", "3", "--feature-dim", "time"), "spanwise-kmeans-lloyd"),
    ],
)
def test_plan_says_the_steps_and_writes_nothing(source, tmp_path, command, step):
    path, _ = source
    name, *options = command
    done = spanwise("plan", name, path, tmp_path / "out.zarr", *options, "--memory", "64MiB")
    assert done.exit_code == 0, done.output
    assert step in done.stdout
    assert "64.0 MiB (option spanwise.memory)" in done.stdout
    assert "passes" in done.stdout or "1 pass" in done.stdout
    assert not (tmp_path / "out.zarr").exists()


def test_plan_takes_an_output_that_exists(source, tmp_path):
    assert spanwise("plan", "fft", source[0], source[0], "--dim", "time").exit_code == 0


def test_the_plan_of_the_demo_needs_no_data(tmp_path):
    out = tmp_path / "out"
    done = spanwise("plan", "demo", "--size", "1MiB", "--memory", "1MiB", "--out", out)
    assert done.exit_code == 0, done.output
    assert "exchange" in done.stdout
    assert not out.exists()


def test_an_output_that_exists_is_kept_unless_overwritten(source, tmp_path):
    path, _ = source
    out = tmp_path / "out.zarr"
    assert spanwise("fft", path, out, "--dim", "x").exit_code == 0
    done = spanwise("fft", path, out, "--dim", "y")
    assert done.exit_code == 2
    assert "--overwrite" in done.stderr
    assert "freq_x" in result(out).dims
    assert spanwise("fft", path, out, "--dim", "y", "--overwrite").exit_code == 0
    assert "freq_y" in result(out).dims


def test_a_store_can_be_replaced_by_its_own_transform(source):
    path, values = source
    done = spanwise("power-spectrum", path, path, "--dim", "time", "--overwrite")
    assert done.exit_code == 0, done.output
    total = result(path, "sst").sum("freq_time") / 24
    np.testing.assert_allclose(total, (values**2).mean(axis=0), rtol=1e-4)


def test_a_failing_job_leaves_no_store(source, tmp_path, monkeypatch):
    from spanwise import progress

    def fail(lazy):
        raise OSError("disk full")

    monkeypatch.setattr(progress, "compute", fail)
    done = spanwise("fft", source[0], tmp_path / "out.zarr", "--dim", "time")
    assert done.exit_code == 2
    assert "disk full" in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["sst.zarr"]


def test_errors_are_one_line_without_a_traceback(source, tmp_path):
    done = spanwise("fft", source[0], tmp_path / "out.zarr", "--dim", "depth")
    assert done.exit_code == 2
    assert done.stderr.startswith("Error: ")
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("place", ["before", "after"])
def test_debug_shows_the_traceback(source, tmp_path, place):
    from spanwise.errors import ArgumentError

    command = ["fft", source[0], tmp_path / "out.zarr", "--dim", "depth"]
    arguments = ["--debug", *command] if place == "before" else [*command, "--debug"]
    with pytest.raises(ArgumentError):
        spanwise(*arguments)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--memory", "much"), "write for example 512MiB"),
        (("--chunks", "time"), "write for example time=100"),
        (("--workers", "0"), "x>=1"),
    ],
)
def test_a_wrong_option_says_what_to_write(source, tmp_path, options, message):
    done = spanwise("fft", source[0], tmp_path / "out.zarr", "--dim", "time", *options)
    assert done.exit_code == 2
    assert message in done.stderr


def test_a_budget_that_nothing_fits_is_refused_with_remedies(source, tmp_path):
    done = spanwise(
        "fft", source[0], tmp_path / "o.zarr", "--dim", "time", "--dim", "y", "--dim", "x",
        "--memory", "1KiB", "--workers", "1",
    )  # fmt: skip
    assert done.exit_code == 2
    assert "budget" in done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_help_ends_with_examples(command):
    done = spanwise(command, "--help")
    assert done.exit_code == 0
    assert f"spanwise {command}" in done.stdout.partition("Examples:")[2]


def test_examples_of_the_help_are_commands_that_parse():
    import shlex

    import click

    def parse(command, arguments):
        with command.make_context(command.name, arguments, resilient_parsing=False) as ctx:
            if isinstance(command, click.Group):
                rest = [*ctx._protected_args, *ctx.args]
                parse(command.commands[rest[0]], rest[1:])

    for command in (main, *main.commands.values()):
        for line in command.examples:
            words = [word for word in shlex.split(line) if "=" not in word or word.startswith("-")]
            assert words[0] == "spanwise"
            parse(main, words[1:])


def test_doctor_reports_every_section():
    done = spanwise("doctor")
    assert done.exit_code == 0
    for title in ("versions", "array libraries", "devices", "BLAS threads", "temporary store"):
        assert f"\n{title}\n" in f"\n{done.stdout}"


def test_doctor_advises_against_blas_threads_under_dask_threads(monkeypatch):
    from spanwise.cli import doctor

    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    assert any("OMP_NUM_THREADS=1" in finding.advice for finding in doctor.blas())
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert not any(finding.advice for finding in doctor.blas())


def test_doctor_advises_on_glibcs_arenas(monkeypatch):
    import platform

    from spanwise.cli import doctor

    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(platform, "libc_ver", lambda: ("glibc", "2.36"))
    monkeypatch.delenv("LD_PRELOAD", raising=False)
    monkeypatch.delenv("MALLOC_TRIM_THRESHOLD_", raising=False)
    assert any("MALLOC_TRIM_THRESHOLD_=33554432" in f.advice for f in doctor.allocator())
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "65536")
    monkeypatch.setenv("MALLOC_ARENA_MAX", "2")
    assert not any(finding.advice for finding in doctor.allocator())
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not any(finding.advice for finding in doctor.allocator())


def test_doctor_survives_a_broken_cupy(monkeypatch, tmp_path):
    from spanwise.cli import doctor

    (tmp_path / "cupy.py").write_text("raise ImportError('libcuda.so.1: cannot open')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "cupy", raising=False)
    (finding,) = doctor.devices()
    assert "libcuda.so.1" in finding.value
    assert "nvidia-smi" in finding.advice


def test_doctor_counts_its_advice():
    from spanwise.cli.doctor import Finding, report

    assert report({"a": [Finding("x", "1")]}).endswith("nothing to mend")
    assert report({"a": [Finding("x", "1", "do")]}).endswith("1 piece of advice, marked →")


def test_it_is_mounted_under_dask():
    from importlib.metadata import entry_points

    (point,) = entry_points(group="dask_cli", name="spanwise")
    assert point.load() is main
    command = [sys.executable, "-m", "dask", "spanwise", "--help"]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "power-spectrum" in finished.stdout, finished.stderr


def test_importing_the_commands_imports_nothing_heavy():
    heavy = "{'numpy', 'dask', 'xarray', 'zarr', 'distributed', 'matplotlib', 'scipy', 'cupy'}"
    code = f"import sys, spanwise.cli; sys.exit(', '.join({heavy} & set(sys.modules)) or None)"
    finished = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
