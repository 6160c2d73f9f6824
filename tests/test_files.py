import numpy as np
import pytest
import xarray as xr

from spanwise import files
from spanwise.errors import (
    ArgumentError,
    MissingDependencyError,
    OutputExistsError,
    UnsupportedError,
)


def dataset(value=1.0):
    return xr.Dataset({"sst": (("time", "x"), np.full((4, 3), value, np.float32))})


def write(path, value=1.0, *, overwrite=False):
    with files.new_store(path, overwrite=overwrite) as partial:
        files.to_zarr(dataset(value), partial, {})


def value_of(path):
    return float(xr.open_dataset(path, engine="zarr").sst[0, 0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sst.nc", ("sst.nc", None)),
        ("sst.nc:sst", ("sst.nc", "sst")),
        ("/data/sst.zarr:sea surface", ("/data/sst.zarr", "sea surface")),
        (r"C:\data\sst.nc", (r"C:\data\sst.nc", None)),
        (r"C:\data\sst.nc:sst", (r"C:\data\sst.nc", "sst")),
        ("C:sst.nc", ("C:sst.nc", None)),
        ("s3://bucket/sst.zarr", ("s3://bucket/sst.zarr", None)),
        ("s3://bucket/sst.zarr:sst", ("s3://bucket/sst.zarr", "sst")),
        ("https://host:8080/sst.nc", ("https://host:8080/sst.nc", None)),
        ("https://host:8080", ("https://host:8080", None)),
        ("https://host:8080/sst.nc:sst", ("https://host:8080/sst.nc", "sst")),
        ("sst.nc:", ("sst.nc:", None)),
        (":sst", (":sst", None)),
    ],
)
def test_a_variable_is_told_from_the_colons_of_paths_and_urls(text, expected):
    assert files.split_variable(text) == expected


def test_a_file_that_exists_keeps_its_colon(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "odd:name").touch()
    assert files.split_variable("odd:name") == ("odd:name", None)


def test_a_store_appears_under_its_name_when_it_is_whole(tmp_path):
    with files.new_store(tmp_path / "a.zarr") as partial:
        files.to_zarr(dataset(), partial, {})
        assert not (tmp_path / "a.zarr").exists()
    assert value_of(tmp_path / "a.zarr") == 1
    assert [p.name for p in tmp_path.iterdir()] == ["a.zarr"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_interrupted_write_leaves_nothing(tmp_path, error):
    def write_and_fail():
        with files.new_store(tmp_path / "a.zarr") as partial:
            files.to_zarr(dataset(), partial, {})
            raise error

    with pytest.raises(error):
        write_and_fail()
    assert not list(tmp_path.iterdir())


def test_a_store_that_exists_is_not_overwritten(tmp_path):
    write(tmp_path / "a.zarr")
    with pytest.raises(OutputExistsError, match="--overwrite"):
        write(tmp_path / "a.zarr", 2.0)
    assert value_of(tmp_path / "a.zarr") == 1


def test_overwrite_replaces_a_store_and_leaves_nothing_else(tmp_path):
    write(tmp_path / "a.zarr")
    write(tmp_path / "a.zarr", 2.0, overwrite=True)
    assert value_of(tmp_path / "a.zarr") == 2
    assert [p.name for p in tmp_path.iterdir()] == ["a.zarr"]


def test_an_interrupted_overwrite_keeps_the_old_store(tmp_path):
    write(tmp_path / "a.zarr")
    with pytest.raises(KeyboardInterrupt), files.new_store(tmp_path / "a.zarr", overwrite=True):
        raise KeyboardInterrupt
    assert value_of(tmp_path / "a.zarr") == 1


def test_a_store_made_meanwhile_by_another_is_not_replaced(tmp_path):
    def write_while_another_does():
        with files.new_store(tmp_path / "a.zarr") as partial:
            files.to_zarr(dataset(), partial, {})
            files.to_zarr(dataset(7.0), tmp_path / "a.zarr", {})

    with pytest.raises(OutputExistsError):
        write_while_another_does()
    assert value_of(tmp_path / "a.zarr") == 7


def test_what_is_no_store_is_not_replaced_even_with_overwrite(tmp_path):
    folder = tmp_path / "thesis"
    folder.mkdir()
    (folder / "chapter1.tex").touch()
    with pytest.raises(OutputExistsError, match="not a Zarr store"):
        write(folder, overwrite=True)
    assert (folder / "chapter1.tex").exists()


def test_a_missing_folder_and_a_url_are_refused_before_work(tmp_path):
    with pytest.raises(ArgumentError, match="is not there"):
        files.check_output(tmp_path / "nowhere" / "a.zarr")
    with pytest.raises(UnsupportedError, match="copy the store"):
        files.check_output("s3://bucket/a.zarr")


def test_the_only_variable_over_the_dimensions_is_chosen(tmp_path):
    data = dataset().assign(x_bounds=("x", np.zeros(3)), crs=((), 0))
    data.to_zarr(tmp_path / "a.zarr", consolidated=False)
    found = files.open_variable(str(tmp_path / "a.zarr"), dims=("time",))
    assert found.name == "sst"
    assert found.chunks is not None


def test_several_variables_ask_for_a_choice(tmp_path):
    files.to_zarr(dataset().assign(salt=dataset().sst), tmp_path / "a.zarr", {})
    with pytest.raises(ArgumentError, match=r"2 variables over time: .*a\.zarr:salt"):
        files.open_variable(str(tmp_path / "a.zarr"), dims=("time",))
    assert files.open_variable(f"{tmp_path / 'a.zarr'}:salt", dims=("time",)).name == "salt"


@pytest.mark.parametrize(
    ("variable", "dims", "message"),
    [
        (":nothing", (), r"no variable 'nothing'; it has sst \(time, x\)"),
        (":sst", ("depth",), "no dimension 'depth'; it has time, x"),
        ("", ("depth",), "no numeric variable over depth"),
    ],
)
def test_what_is_missing_is_named(tmp_path, variable, dims, message):
    write(tmp_path / "a.zarr")
    with pytest.raises(ArgumentError, match=message):
        files.open_variable(f"{tmp_path / 'a.zarr'}{variable}", dims=dims)


def test_a_missing_or_unreadable_input_is_one_error(tmp_path):
    with pytest.raises(ArgumentError, match="is not there"):
        files.open_variable(str(tmp_path / "a.nc"))
    (tmp_path / "a.nc").write_text("nonsense")
    with pytest.raises(ArgumentError, match="cannot be opened"):
        files.open_variable(str(tmp_path / "a.nc"))


def test_a_missing_zarr_is_named_with_its_command(tmp_path, monkeypatch):
    write(tmp_path / "a.zarr")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match=r"spanwise\[io\]"):
        files.open_variable(str(tmp_path / "a.zarr"))


def test_netcdf_is_opened_too(tmp_path):
    dataset(3.0).to_netcdf(tmp_path / "a.nc", engine="netcdf4")
    found = files.open_variable(f"{tmp_path / 'a.nc'}:sst", dims=("time",))
    assert float(found[0, 0]) == 3


def test_uneven_chunks_and_complex_values_are_written(tmp_path):
    data = xr.DataArray(np.arange(10) * 1j, dims="x").chunk(x=(3, 3, 2, 2))
    with files.new_store(tmp_path / "a.zarr") as partial:
        files.write_lazily(data, partial).compute(scheduler="sync")
    found = xr.open_dataset(tmp_path / "a.zarr", engine="zarr")["result"]
    np.testing.assert_array_equal(found.values, np.arange(10) * 1j)


def test_encodings_of_the_source_do_not_bind_the_result(tmp_path):
    data = dataset().chunk(time=2)
    data.sst.encoding = {"chunks": (1, 3), "chunksizes": (1, 3), "zlib": True, "dtype": "i2"}
    with files.new_store(tmp_path / "a.zarr") as partial:
        files.write_lazily(data, partial).compute(scheduler="sync")
    found = xr.open_dataset(tmp_path / "a.zarr", engine="zarr")
    assert found.sst.encoding["chunks"] == (2, 3)
    assert found.sst.dtype == np.float32
