import json
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr

from spanwise.demo import run as demo
from spanwise.demo.workplace import Settings
from spanwise.errors import ArgumentError, MissingDependencyError, OutputExistsError

MIB = 2**20
STORES = ("sst", "climatology", "smoothed", "spectrum", "provinces")


def run(out, said=None, **settings):
    said = [] if said is None else said
    return demo.run(
        Settings(**{"size": MIB, "memory": 64 * MIB, "out": out} | settings), said.append
    )


def load(out, name):
    return xr.open_dataset(out / f"{name}.zarr", engine="zarr").load()


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    out = tmp_path_factory.mktemp("demo") / "out"
    said = []
    picture = run(out, said)
    return out, picture, said


def test_it_writes_all_results_and_nothing_else(finished):
    out, picture, _ = finished
    assert picture == out / "demo.png"
    expected = {f"{name}.zarr" for name in STORES} | {"demo.png", "report.json", ".spanwise-demo"}
    assert {path.name for path in out.iterdir()} == expected


def test_the_plan_is_said_before_anything_runs(finished):
    _, _, said = finished
    planned = next(i for i, text in enumerate(said) if "spanwise-rfftn" in text)
    begun = next(i for i, text in enumerate(said) if text == demo.CLIMATOLOGY)
    assert planned < begun


@pytest.mark.parametrize("name", [demo.CLIMATOLOGY, demo.SMOOTH, demo.SPECTRUM, demo.PROVINCES])
def test_the_table_has_speed_and_memory_of_every_job(finished, name):
    out, _, said = finished
    assert any(line.startswith(name) for line in said[-1].splitlines())
    report = json.loads((out / "report.json").read_text())
    step = next(step for step in report["measured"] if step["name"] == name)
    assert step["seconds"] > 0
    assert step["planned"] > 0
    assert report["plans"][name]["totals"]["tasks"] > 0


def test_results_are_labelled(finished):
    out, _, _ = finished
    assert load(out, "smoothed").anomaly.dims == ("time", "latitude", "longitude")
    assert load(out, "spectrum").power.units == "K^2 year"
    assert set(load(out, "provinces").labels.dims) == {"latitude", "longitude"}


def test_a_second_run_uses_the_dataset_and_gives_the_same(finished):
    out, _, _ = finished
    before = {name: load(out, name) for name in STORES}
    modified = (out / "sst.zarr").stat().st_mtime_ns
    said = []
    run(out, said)
    assert any("used again" in text for text in said)
    assert (out / "sst.zarr").stat().st_mtime_ns == modified
    for name in STORES:
        xr.testing.assert_identical(load(out, name), before[name])


def test_a_folder_with_other_things_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(OutputExistsError, match="holds other things"):
        run(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_full_disk_is_noticed_before_work(tmp_path, monkeypatch):
    import shutil

    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=2 * MIB))
    with pytest.raises(ArgumentError, match="smaller --size"):
        run(tmp_path / "out")
    assert not (tmp_path / "out" / "sst.zarr").exists()


def test_a_missing_package_is_named_with_its_command(tmp_path, monkeypatch):
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "matplotlib" else find(name)
    )
    with pytest.raises(MissingDependencyError, match=r"matplotlib: .*spanwise\[demo\]"):
        run(tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_cluster_gives_the_numbers_of_threads(finished, tmp_path):
    out, _, _ = finished
    said = []
    run(tmp_path / "out", said, cluster="distributed")
    for name in ("sst", "climatology"):
        xr.testing.assert_identical(load(tmp_path / "out", name), load(out, name))
    for name in ("smoothed", "spectrum", "provinces"):
        xr.testing.assert_allclose(load(tmp_path / "out", name), load(out, name), rtol=1e-6)
    found, expected = load(tmp_path / "out", "provinces"), load(out, "provinces")
    np.testing.assert_array_equal(found.labels, expected.labels)
    assert any("2 workers" in text for text in said)


@pytest.mark.slow
def test_measured_memory_keeps_to_plan_and_budget(tmp_path):
    command = [sys.executable, "-m", "spanwise", "demo", "--size", "160MiB", "--memory", "128MiB"]
    finished = subprocess.run(
        [*command, "--out", str(tmp_path / "out")], capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["dataset"]["years"] * 12 > 500
    assert report["peak"] <= 128 * MIB
    # Stacks of threads, caches and modules that a step is the first to load are no chunks.
    loaded = 48 * MIB
    for step in report["measured"]:
        if step["planned"]:
            assert step["peak"] <= step["planned"] + loaded, step
