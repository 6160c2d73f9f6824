"""What was measured of a machine, and the file it is in."""

import dataclasses
import json
import logging
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from spanwise import rates
from spanwise.measures import Observation, RateTable
from spanwise.rates import EngineRate, Rates

SOME = Rates(
    (EngineRate("scipy", "complex64", 4e9), EngineRate("ducc0", "complex64", 5e9)), 8e9, 1e9, 2e9
)
TABLE = RateTable().observe(
    [Observation("fft", "float32", "cpu", 64, 1.0), Observation("fft", "float32", "A100", 64, 0.5)]
)


@pytest.fixture
def file(tmp_path, monkeypatch):
    path = tmp_path / "folder" / "rates.json"
    monkeypatch.setenv("SPANWISE_RATES", str(path))
    return path


def test_what_is_saved_is_loaded(file):
    assert rates.load() is None
    assert rates.save(SOME) == file
    assert rates.load() == SOME
    assert list(file.parent.iterdir()) == [file]


def test_measuring_again_is_seen(file):
    rates.save(SOME)
    rates.load()
    again = dataclasses.replace(SOME, copy=1.0)
    rates.save(again)
    os.utime(file, ns=(1, 1))  # file systems count time coarsely
    assert rates.load() == again


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[1]",
        "null",
        '{"format": 3}',
        '{"format": 2}',
        '{"format": 1, "fft": [], "copy": 1, "write": 1, "read": 1}',
        '{"format": 2, "machine": null, "kernels": [[]]}',
        '{"format": 2, "machine": null, "kernels": [["fft", "f", "cpu", 3, 0, 0, 1]]}',
        *(
            f'{{"format": 2, "machine": {{{machine}}}, "kernels": []}}'
            for machine in (
                '"fft": [{"engine": "scipy"}], "copy": 1, "write": 1, "read": 1',
                '"fft": [], "copy": "fast", "write": 1, "read": 1',
                '"fft": [], "copy": 0, "write": 1, "read": 1',
                '"fft": [], "copy": NaN, "write": 1, "read": 1',
                '"fft": [], "copy": 1, "write": 1, "read": 1, "colour": 1',
            )
        ),
    ],
)
def test_a_file_that_is_not_ours_is_ignored_with_a_warning(file, text, caplog):
    file.parent.mkdir()
    file.write_text(text)
    with caplog.at_level(logging.WARNING, "spanwise"):
        assert rates.load() is None
        assert rates.load() is None
        assert not rates.load_table()
    (record,) = caplog.records
    assert str(file) in record.getMessage()
    assert "spanwise calibrate" in record.getMessage()


def test_a_failing_write_leaves_what_was_there(file, monkeypatch):
    rates.save(SOME)

    def fail(self, target):
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        rates.save(dataclasses.replace(SOME, copy=1.0))
    monkeypatch.undo()
    assert json.loads(file.read_text())["machine"]["copy"] == 8e9
    assert list(file.parent.iterdir()) == [file]


def test_the_machine_and_the_table_are_kept_side_by_side(file):
    rates.save(table=TABLE)
    assert (rates.load(), rates.load_table()) == (None, TABLE)
    rates.save(SOME)
    assert (rates.load(), rates.load_table()) == (SOME, TABLE)
    anew = RateTable().observe([Observation("vq", "float32", "A100", 64, 1.0)])
    rates.save(table=anew)
    assert (rates.load(), rates.load_table()) == (SOME, TABLE.replaced(anew))


def test_runs_are_added_to_what_is_known(file):
    rates.add(TABLE)
    rates.add(TABLE)
    assert rates.load_table() == TABLE.merge(TABLE)


def test_no_writer_loses_what_another_writes(file):
    one = RateTable().observe([Observation("fft", "float32", "cpu", 64, 1.0)])
    with ThreadPoolExecutor(8) as pool:
        for _ in pool.map(lambda _: rates.add(one), range(40)):
            pass
    (measure,) = rates.load_table().entries.values()
    assert (measure.n, measure.mean) == (40, 1 / 64)
    assert list(file.parent.iterdir()) == [file]


def test_a_writer_that_was_killed_does_not_hold_up_others_for_ever(file):
    file.parent.mkdir()
    lock = file.with_name(f".{file.name}.lock")
    lock.touch()
    os.utime(lock, (1, 1))
    rates.save(SOME)
    assert rates.load() == SOME
    assert not lock.exists()


@pytest.mark.parametrize(
    ("platform", "environment", "folder"),
    [
        ("linux", {"XDG_CONFIG_HOME": "/x"}, "/x/spanwise/rates.json"),
        ("linux", {}, "~/.config/spanwise/rates.json"),
        ("darwin", {}, "~/Library/Application Support/spanwise/rates.json"),
        ("win32", {"APPDATA": "/roaming"}, "/roaming/spanwise/rates.json"),
    ],
)
def test_rates_lie_in_the_users_configuration(monkeypatch, platform, environment, folder):
    for name in ("SPANWISE_RATES", "XDG_CONFIG_HOME", "APPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.platform", platform)
    assert rates.path() == Path(folder).expanduser()


def test_the_fastest_engine_is_found_per_element_type():
    assert SOME.fastest("complex64") == EngineRate("ducc0", "complex64", 5e9)
    assert SOME.fastest("complex256") is None


@pytest.mark.parametrize("wrong", [0, -1, float("nan"), float("inf")])
def test_rates_are_positive_and_finite(wrong):
    with pytest.raises(ValueError, match="a rate of"):
        dataclasses.replace(SOME, read=wrong)
