"""Facts about the machine, as values."""

import pytest

from spanwise import machine
from spanwise.errors import ArgumentError
from spanwise.machine import Machine, default_machine, format_bytes, parse_bytes, total_memory


@pytest.mark.parametrize(
    ("text", "want"),
    [
        (0, 0),
        (1024, 1024),
        (1.5, 1),
        ("100", 100),
        ("512MiB", 2**29),
        ("512 mib", 2**29),
        ("1.5 GB", 1_500_000_000),
        (" 2kB ", 2000),
        ("4G", 2**32),
        (".5k", 512),
        ("3 TiB", 3 * 2**40),
        ("7B", 7),
    ],
)
def test_amounts_of_memory_are_read(text, want):
    assert parse_bytes(text) == want
    assert type(parse_bytes(text)) is int


@pytest.mark.parametrize(
    "text", ["", "MiB", "1..2MB", "-1GB", "1 PB", "lots", None, True, [1], "1e9"]
)
def test_what_is_no_amount_of_memory_is_refused(text):
    with pytest.raises(ArgumentError, match="'512MiB'"):
        parse_bytes(text)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_amounts_are_finite(value):
    with pytest.raises(ArgumentError, match="'512MiB'"):
        parse_bytes(value)


@pytest.mark.parametrize(
    ("n", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (2**29, "512.0 MiB"),
        (1.5 * 2**30, "1.5 GiB"),
        (2**50, "1024.0 TiB"),
        (-2048, "-2.0 KiB"),
    ],
)
def test_amounts_are_written_as_people_read_them(n, text):
    assert format_bytes(n) == text


def test_a_machine_is_a_value():
    assert Machine(2, 100) == Machine(threads=2, memory=100)
    assert hash(Machine(2, 100)) == hash(Machine(2, 100))
    assert Machine(2, 100, workers=3).slots == 6
    with pytest.raises(AttributeError):
        Machine(2, 100).memory = 3  # type: ignore[misc]


@pytest.mark.parametrize("facts", [(0, 100), (-1, 100), (2, 0), (2, -5), (2, 100, 0)])
def test_impossible_machines_are_refused(facts):
    with pytest.raises(ArgumentError):
        Machine(*facts)


def test_memory_is_that_of_the_control_group(tmp_path, monkeypatch):
    everything = total_memory()
    assert everything > 0
    limit = tmp_path / "memory.max"
    limit.write_text("1000000\n")
    unlimited = tmp_path / "unlimited"
    unlimited.write_text("max\n")
    monkeypatch.setattr(machine, "_CGROUP_LIMITS", (unlimited, tmp_path / "missing"))
    assert total_memory() >= everything
    monkeypatch.setattr(machine, "_CGROUP_LIMITS", (unlimited, limit))
    assert total_memory() == 1000000
    here = default_machine(3)
    assert (here.threads, here.memory, here.explicit) == (3, 600000, False)
    assert "60%" in here.source
