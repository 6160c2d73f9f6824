"""Folders of stores, local and remote: what is put is read, and errors say what to do."""

import threading

import numpy as np
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from fsspec.registry import known_implementations
from hypothesis import given
from hypothesis import strategies as st

from spanwise.errors import ArgumentError, MissingDependencyError, StoreError
from spanwise.kernels import folders
from spanwise.kernels.folders import LocalFolder, RemoteFolder, folder_of


@pytest.fixture(params=["local", "memory"])
def folder(request, tmp_path):
    made = folder_of(str(tmp_path / "a") if request.param == "local" else f"memory://{tmp_path}/a")
    made.make()
    yield made
    made.remove()


def put(folder, name, *parts):
    """Where each part begins."""
    folder.write(name, iter(parts))
    return np.cumsum([0, *(part.nbytes for part in parts)]).tolist()


def test_a_folder_is_seen_until_it_is_removed(folder):
    assert folder.is_there()
    folder.touch("x")
    assert "x" in folder.names()
    folder.unlink("x")
    folder.unlink("x")
    assert "x" not in folder.names()
    assert folder.child("none").names() == []
    assert not folder.child("none").is_there()
    folder.remove()
    folder.remove()
    assert not folder.is_there()


def test_the_age_of_a_file_is_known(folder):
    folder.touch("x")
    assert -5 < folder.age("x") < 60
    assert folder.age("none") is None


@pytest.mark.parametrize("size", [3, 1 << 15, 1 << 18])
def test_parts_of_any_size_and_layout_come_back(folder, size):
    x = np.random.default_rng(0).standard_normal((5, size, 2))
    parts = [x[:2], x[:, ::-1, :1], np.asfortranarray(x), x[:0], x[4, 1, 1].reshape(())]
    starts = put(folder, "x", *parts)
    outs = [np.zeros(part.shape) for part in parts]
    outs[1] = np.zeros((5, size, 3))[:, :, 1:2]
    folder.read(("x", s, o) for s, o in zip(starts, outs, strict=False) if o.size)
    for part, out in zip(parts, outs, strict=True):
        np.testing.assert_array_equal(part, out)


@given(
    shape=st.lists(st.integers(1, 6), min_size=1, max_size=4).map(tuple),
    limit=st.integers(1, 200),
    start=st.integers(0, 9),
)
def test_pieces_follow_each_other_within_the_limit(shape, limit, start):
    x = np.arange(np.prod(shape), dtype="i2").reshape(shape)
    found = list(folders._pieces(x, start, limit))
    np.testing.assert_array_equal(np.concatenate([p.ravel() for _, p in found]), x.ravel())
    sizes = [p.nbytes for _, p in found]
    assert [s for s, _ in found] == (start + np.cumsum([0, *sizes[:-1]])).tolist()
    assert all(n <= max(limit, x.itemsize) for n in sizes)


def test_a_name_is_never_written_over(tmp_path):
    folder = LocalFolder(str(tmp_path))
    put(folder, "x", np.arange(3))
    with pytest.raises(FileExistsError):
        put(folder, "x", np.arange(3))


def test_after_an_error_nothing_of_the_file_is_left(folder):
    def parts():
        yield np.ones(1 << 20)
        raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        folder.write("x", parts())
    assert "x" not in folder.names()


def test_a_file_that_was_cut_short_is_told(folder):
    put(folder, "x", np.arange(3))
    with pytest.raises(StoreError, match="too early"):
        folder.read([("x", 8, np.zeros(5, int))])


def test_more_files_than_are_kept_open_are_read_by_many_threads(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "_DESCRIPTORS", 2)
    folder = LocalFolder(str(tmp_path))
    for i in range(8):
        put(folder, str(i), np.full(1000, i))
    wrong = []

    def look():
        for i in 20 * list(range(8)):
            out = np.zeros(1000, int)
            folder.read([(str(i), 0, out)])
            if (out != i).any():
                wrong.append(i)

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(folder._open._files) == 2


def test_a_system_without_positioned_reads_is_served(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "_HAS_PREADV", False)
    folder = LocalFolder(str(tmp_path))
    put(folder, "x", np.arange(9))
    out = np.zeros(4, int)
    folder.read([("x", 16, out)])
    np.testing.assert_array_equal(out, [2, 3, 4, 5])


def test_a_remote_store_is_asked_for_so_many_bytes_at_a_time(monkeypatch):
    asked = []

    def cat_ranges(self, paths, starts, ends, **arguments):
        asked.append(sum(ends) - sum(starts))
        return ranges(self, paths, starts, ends, **arguments)

    ranges = MemoryFileSystem.cat_ranges
    monkeypatch.setattr(MemoryFileSystem, "cat_ranges", cat_ranges)
    monkeypatch.setattr(folders, "_BATCH", 4096)
    folder = RemoteFolder("memory://batches")
    folder.make()
    x = np.arange(3000.0).reshape(30, 100)
    put(folder, "x", x)
    out = np.zeros((30, 100))
    folder.read([("x", 0, out[:20]), ("x", 16000, out[20:])])
    np.testing.assert_array_equal(out, x)
    assert sum(asked) == x.nbytes
    assert max(asked) <= 4096
    folder.remove()


def test_paths_and_file_urls_are_local_and_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("a", f"file://{tmp_path}/a", f"local://{tmp_path}/a", "~/a"):
        folder = folder_of(name)
        assert isinstance(folder, LocalFolder)
        assert folder.url == str(tmp_path / "a")


def test_a_missing_package_is_named_with_its_command(monkeypatch):
    known = known_implementations
    monkeypatch.setitem(known, "lost", {"class": "no_such_package.FileSystem", "err": "not here"})
    with pytest.raises(MissingDependencyError, match=r"python -m pip install no_such_package$"):
        folder_of("lost://bucket/scratch")


def test_an_unknown_protocol_is_refused():
    with pytest.raises(ArgumentError, match=r"'s5'.*'s3://bucket/scratch'"):
        folder_of("s5://bucket/scratch")
