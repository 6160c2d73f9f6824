"""Every example runs at toy size, without a warning, and draws its picture."""

import runpy
import sys
from pathlib import Path

import pytest

pytest.importorskip("matplotlib")

EXAMPLES = Path(__file__).parents[1] / "examples"


def run(name, monkeypatch, tmp_path, *arguments):
    """Run a script as a user does and return the picture."""
    out = tmp_path / "picture.png"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [name, "--size", "toy", "--out", str(out), *arguments])
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")
    return out


def is_picture_in_colour(path):
    from matplotlib.image import imread

    pixels = imread(path)[..., :3]
    return min(pixels.shape[:2]) > 300 and (pixels.max(axis=2) - pixels.min(axis=2)).max() > 0.3


@pytest.mark.parametrize("library", ["numpy", "dask", "torch", "cupy", "array-api-strict"])
def test_a_photograph_is_smoothed_alike_by_every_library(library, monkeypatch, tmp_path, capsys):
    pytest.importorskip("sklearn")
    if library == "cupy":
        cupy = pytest.importorskip("cupy")
        if not cupy.cuda.is_available():
            pytest.skip("no CUDA device")
    elif library != "array-api-strict":
        pytest.importorskip(library)
    else:
        pytest.importorskip("array_api_strict")
    picture = run("smooth_image.py", monkeypatch, tmp_path, "--library", library)
    assert is_picture_in_colour(picture)
    said = capsys.readouterr().out
    error = float(said.partition("from NumPy's result: ")[2].split()[0])
    assert error < 1e-5, said
    assert "float32" in said


@pytest.mark.parametrize("chunks", [11, 1000])
def test_the_smoothed_photograph_does_not_depend_on_its_chunks(
    chunks, monkeypatch, tmp_path, capsys
):
    pytest.importorskip("sklearn")
    arguments = ("--library", "dask", "--chunks", str(chunks))
    run("smooth_image.py", monkeypatch, tmp_path, *arguments)
    said = capsys.readouterr().out
    assert float(said.partition("from NumPy's result: ")[2].split()[0]) < 1e-5


def test_provinces_run_from_cold_to_warm(monkeypatch, tmp_path, capsys):
    pytest.importorskip("iris_sample_data")
    picture = run("sst_provinces.py", monkeypatch, tmp_path, "-k", "4")
    assert is_picture_in_colour(picture)
    said = capsys.readouterr().out.splitlines()
    lines = [line for line in said if line.startswith("province")]
    coldest = [float(line.partition("area, ")[2].split()[0]) for line in lines]
    sizes = [int(line.split(":")[1].split()[0]) for line in lines]
    assert len(lines) == 4
    assert coldest[0] == min(coldest)
    assert coldest[0] < 25 < 28 < coldest[-1]
    assert min(sizes) > 0
    stayed = [int(line.split()[2].rstrip("%")) for line in said if line.startswith("in 20")]
    assert len(stayed) == 3
    assert min(stayed) > 60
    assert (tmp_path / "picture.nc").exists()


def test_regimes_of_one_simulation_are_found_again_in_another(monkeypatch, tmp_path, capsys):
    pytest.importorskip("iris_sample_data")
    picture = run("weather_regimes.py", monkeypatch, tmp_path)
    assert is_picture_in_colour(picture)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("regime")]
    shares = [[int(word[:-1]) for word in line.split() if word.endswith("%")] for line in lines]
    assert len(shares) == 4
    assert all(abs(here - there) < 10 for here, there in shares)
    assert [here for here, _ in shares] == sorted((here for here, _ in shares), reverse=True)


def test_the_ocean_remembers_longer_than_the_land(monkeypatch, tmp_path, capsys):
    pytest.importorskip("iris_sample_data")
    picture = run("long_spectrum.py", monkeypatch, tmp_path)
    assert is_picture_in_colour(picture)
    said = capsys.readouterr().out
    share = {
        region: int(said.partition(f"{region}: ")[2].split()[0])
        for region in ("Pacific", "continent")
    }
    assert share["Pacific"] > 1.5 * share["continent"]


def test_half_a_year_rules_off_somalia_and_several_years_in_the_pacific(
    monkeypatch, tmp_path, capsys
):
    pytest.importorskip("iris_sample_data")
    picture = run("ocean_spectra.py", monkeypatch, tmp_path)
    assert is_picture_in_colour(picture)
    said = capsys.readouterr().out

    def shares(region):
        line = said.partition(f"{region}: ")[2].splitlines()[0]
        return [int(part.split()[0]) for part in line.split(", ")]

    assert shares("off Somalia")[0] > 30
    assert shares("Atlantic")[1] > 70
    assert shares("central Pacific")[2] > 60


def test_the_wavenumber_spectrum_of_temperature_falls_steeply(monkeypatch, tmp_path, capsys):
    pytest.importorskip("iris_sample_data")
    picture = run("wavenumber_spectrum.py", monkeypatch, tmp_path)
    assert is_picture_in_colour(picture)
    slope = float(capsys.readouterr().out.partition("spectral slope: ")[2].split()[0])
    assert -3 < slope < -2


def test_el_nino_comes_every_few_years_and_the_ocean_swings_with_it(monkeypatch, tmp_path, capsys):
    pytest.importorskip("iris_sample_data")
    pytest.importorskip("pywt")
    picture = run("long_record.py", monkeypatch, tmp_path)
    assert is_picture_in_colour(picture)
    said = capsys.readouterr().out
    assert 3 < float(said.partition("strongest at ")[2].split()[0]) < 6
    slow, fast = (
        float(part.split()[0])
        for part in said.partition("squared coherence: ")[2].splitlines()[0].split(", ")
    )
    assert slow > 0.7 > 0.3 > fast
    assert "warmest in M" in said
