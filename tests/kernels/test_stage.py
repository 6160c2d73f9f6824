"""The temporary store: what is written is read, and nothing stays behind."""

import errno
import gc
import os
import pickle
import shutil
import subprocess
import sys
import time
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fsspec
import numpy as np
import pytest

from spanwise.errors import PlacementError, StoreError
from spanwise.kernels import folders as stage_folders
from spanwise.kernels import leases, stage
from spanwise.kernels.folders import folder_of
from spanwise.kernels.transfer import counted_transfers
from spanwise.testing import HostFree, xp_assert_equal

Part = namedtuple("Part", "source start stop")


def folders(root):
    gc.collect()
    return sorted(p.name for p in Path(root).iterdir())


def run_python(code, *arguments):
    """The output of a fresh interpreter, which may end in any way."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def write_and_read(blocks, root):
    """Exchange two blocks, cut along axis 0, into one that is cut along axis 1."""
    store = stage.open_store(str(root))
    length = blocks[0].shape[0]
    cuts = ((Part(0, 0, length),), (Part(0, 0, 2), Part(0, 2, 3)))
    written = [stage.write(b, store, str(i), cuts) for i, b in enumerate(blocks)]
    rows = ((Part(0, 0, length), Part(1, 0, length)), (Part(0, 2, 3),))
    return stage.read(written, [1, 1], rows, store)


@pytest.mark.parametrize(
    "dtype", ["?", "i1", "u8", "f2", "f4", "f8", "g", "c8", "c16", "G", ">f4", ">c16", ">i8"]
)
def test_every_element_type_is_read_as_it_was_written(dtype, tmp_path):
    x = np.random.default_rng(0).integers(0, 9, (4, 3)).astype(dtype)
    got = write_and_read([x[:2], x[2:]], tmp_path)
    np.testing.assert_array_equal(got, x[:, 2:])
    assert got.dtype == x.dtype


@pytest.mark.parametrize("layout", [np.asfortranarray, lambda x: x[:, ::-1], lambda x: x * 1])
def test_memory_layout_does_not_matter(layout, tmp_path):
    x = layout(np.arange(12.0).reshape(4, 3))
    np.testing.assert_array_equal(write_and_read([x[:2], x[2:]], tmp_path), x[:, 2:])


def test_empty_blocks_are_staged(tmp_path):
    x = np.ones((0, 3), complex)
    assert write_and_read([x, x], tmp_path).shape == (0, 1)


def test_blocks_of_a_device_come_back_to_it_and_the_copies_are_counted(tmp_path):
    x = np.arange(12.0).reshape(4, 3)
    blocks = [HostFree.copy_from_host(x[:2].copy()), HostFree.copy_from_host(x[2:].copy())]
    with counted_transfers() as log:
        got = write_and_read(blocks, tmp_path)
    assert (log.to_host.copies, log.to_host.bytes) == (2, x.nbytes)
    assert (log.to_device.copies, log.to_device.bytes) == (1, x.nbytes // 3)
    xp_assert_equal(got, HostFree.copy_from_host(x[:, 2:].copy()))


def test_a_block_that_is_written_again_reads_the_same(tmp_path):
    store = stage.open_store(str(tmp_path))
    cuts = ((Part(0, 0, 2), Part(0, 2, 3)),)
    first = stage.write(np.arange(3.0), store, "0", cuts)
    again = stage.write(np.arange(3.0), store, "0", cuts)
    assert first.name != again.name
    for written in (first, again):
        got = stage.read([written], [1], ((Part(0, 2, 3),),), store)
        np.testing.assert_array_equal(got, [2.0])


def test_the_root_is_made_and_defaults_to_the_temporary_folder(tmp_path, monkeypatch):
    store = stage.open_store(str(tmp_path / "new" / "folder"))
    assert Path(store.url).parent == tmp_path / "new" / "folder"
    monkeypatch.setattr(stage.tempfile, "gettempdir", lambda: str(tmp_path / "default"))
    assert Path(stage.open_store(None).url).parent == tmp_path / "default"


def test_the_folder_goes_with_the_last_handle(tmp_path):
    store = stage.open_store(str(tmp_path))
    other = store
    del store
    assert len(folders(tmp_path)) == 1
    del other
    assert folders(tmp_path) == []


def test_two_stores_at_once_do_not_meet(tmp_path):
    first, second = (stage.open_store(str(tmp_path)) for _ in range(2))
    assert first.url != second.url
    del first
    assert folders(tmp_path) == [Path(second.url).name]


def test_a_pickle_keeps_the_folder_when_every_handle_is_gone(tmp_path):
    spilled = pickle.dumps(stage.open_store(str(tmp_path)))
    assert len(folders(tmp_path)) == 1
    store = pickle.loads(spilled)
    written = stage.write(np.arange(3.0), store, "0", ((Part(0, 0, 3),),))
    got = stage.read([written], [0], ((Part(0, 0, 3),),), store)
    np.testing.assert_array_equal(got, np.arange(3.0))
    del store, written
    assert folders(tmp_path) == []


def test_the_first_of_several_handles_may_go_first(tmp_path):
    store = stage.open_store(str(tmp_path))
    copies = [pickle.loads(pickle.dumps(store)) for _ in range(3)]
    del store
    assert len(folders(tmp_path)) == 1
    while copies:
        assert len(folders(tmp_path)) == 1
        copies.pop(0)
    assert folders(tmp_path) == []


def test_a_pickle_may_be_loaded_twice(tmp_path):
    data = pickle.dumps(stage.open_store(str(tmp_path)))
    first, second = pickle.loads(data), pickle.loads(data)
    del first
    assert len(folders(tmp_path)) == 1
    del second
    assert folders(tmp_path) == []
    gone = pickle.loads(data)
    assert not Path(gone.url).exists()


def test_handles_given_up_by_many_threads_leave_nothing(tmp_path):
    data = [pickle.dumps(stage.open_store(str(tmp_path))) for _ in range(20)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda d: pickle.loads(d).url, data))
    assert folders(tmp_path) == []


MAKE = "import sys, os; from spanwise.kernels import stage; s = stage.open_store(sys.argv[1]); "


def test_a_process_that_ends_removes_its_store(tmp_path):
    assert run_python(MAKE + "print(os.path.isdir(s.url))", tmp_path) == "True"
    assert folders(tmp_path) == []


def test_what_a_killed_process_left_goes_when_the_next_store_is_made(tmp_path):
    run_python(MAKE + "os._exit(9)", tmp_path)
    (left,) = folders(tmp_path)
    store = stage.open_store(str(tmp_path))
    assert folders(tmp_path) == [Path(store.url).name] != [left]


def test_the_last_living_holder_removes_what_a_killed_one_shared(tmp_path):
    store = stage.open_store(str(tmp_path))
    code = "import sys, os, pickle; s = pickle.loads(bytes.fromhex(sys.argv[1])); os._exit(9)"
    run_python(code, pickle.dumps(store).hex())
    assert len(list(Path(store.url).glob("lease@*"))) == 2
    del store
    assert folders(tmp_path) == []


def test_another_process_keeps_the_store_until_it_ends(tmp_path):
    data = run_python(
        MAKE + "import pickle; data = pickle.dumps(s).hex(); del s; print(data)", tmp_path
    )
    store = pickle.loads(bytes.fromhex(data))
    assert Path(store.url).is_dir()
    del store
    assert folders(tmp_path) == []


def test_stores_in_use_are_left_alone(tmp_path):
    mine = stage.open_store(str(tmp_path))
    elsewhere = tmp_path / "spanwise-stage@another.host@1@ab"
    elsewhere.mkdir()
    (elsewhere / "lease@another.host@1@cd").touch()
    made_now = tmp_path / leases.process_name("spanwise-stage")
    made_now.mkdir()
    foreign = tmp_path / "something-else"
    foreign.mkdir()
    leases.remove_leftovers(folder_of(str(tmp_path)))
    assert folders(tmp_path) == sorted(
        p if isinstance(p, str) else p.name for p in (Path(mine.url), elsewhere, made_now, foreign)
    )


def test_a_folder_half_removed_by_a_killed_process_goes(tmp_path):
    dead = run_python("import os; print(os.getpid())")
    folder = tmp_path / f"spanwise-stage@{leases.host_name()}@{dead}@ab"
    folder.mkdir()
    (folder / "0-0").write_bytes(b"12")
    leases.remove_leftovers(folder_of(str(tmp_path)))
    assert folders(tmp_path) == []


def test_parts_repeat_and_parts_without_a_source_are_zero(tmp_path):
    store = stage.open_store(str(tmp_path))
    cuts = ((Part(0, 0, 2), Part(0, 2, 3)),)
    one = stage.write(np.arange(1.0, 4.0), store, "0", cuts)
    row = (Part(-1, 0, 2), Part(0, 2, 3), Part(0, 0, 2), Part(0, 2, 3), Part(-1, 0, 1))
    got = stage.read([None, one, one, one, None], [0, 1, 0, 1, 0], (row,), store)
    np.testing.assert_array_equal(got, [0, 0, 3, 1, 2, 3, 0])


@pytest.mark.parametrize("protocol", ["", "memory://"])
def test_slices_of_two_stores_are_read_together(protocol, tmp_path):
    cuts = ((Part(0, 0, 2),),)
    first, second = (stage.open_store(f"{protocol}{tmp_path}") for _ in range(2))
    written = [stage.write(np.full(2, i), s, "0", cuts) for i, s in enumerate((first, second))]
    # The writers' stores are held by what they wrote.
    del first
    gc.collect()
    row = (Part(0, 0, 2), Part(1, 0, 2))
    np.testing.assert_array_equal(stage.read(written, [0, 0], (row,), second), [0, 0, 1, 1])


def test_a_store_of_another_protocol_comes_and_goes_like_a_folder():
    files = fsspec.filesystem("memory")
    root = "memory://of-a-test/scratch"
    x = np.arange(12.0).reshape(4, 3)
    store = stage.open_store(root)
    other = pickle.loads(pickle.dumps(store))
    assert len(files.ls("/of-a-test/scratch")) == 1
    del store
    gc.collect()
    assert len(files.ls("/of-a-test/scratch")) == 1
    np.testing.assert_array_equal(write_and_read([x[:2], x[2:]], root), x[:, 2:])
    del other
    gc.collect()
    assert files.find("/of-a-test") == []


def test_leftovers_under_a_url_go_when_the_next_store_is_made():
    files = fsspec.filesystem("memory")
    dead = run_python("import os; print(os.getpid())")
    left = f"/leftovers/spanwise-stage@{leases.host_name()}@{dead}@ab"
    files.pipe_file(f"{left}/made", b"")
    files.pipe_file(f"{left}/lease@{leases.host_name()}@{dead}@cd", b"")
    elsewhere = "/leftovers/spanwise-stage@another.host@1@ab/lease@another.host@1@cd"
    files.pipe_file(elsewhere, b"")
    store = stage.open_store("memory://leftovers")
    assert not files.exists(left)
    assert files.exists(elsewhere)
    del store


def test_a_lease_of_another_host_counts_until_it_was_not_renewed_for_a_day(tmp_path):
    old, new = (tmp_path / f"spanwise-stage@another.host@1@{i}" for i in range(2))
    for folder in (old, new):
        folder.mkdir()
        (folder / "lease@another.host@1@cd").touch()
    yesterday = time.time() - 25 * 3600
    os.utime(old / "lease@another.host@1@cd", (yesterday, yesterday))
    leases.remove_leftovers(folder_of(str(tmp_path)))
    assert folders(tmp_path) == [new.name]


def test_a_lease_is_renewed_by_use(tmp_path, monkeypatch):
    store = stage.open_store(str(tmp_path))
    (lease,) = Path(store.url).glob("lease@*")
    os.utime(lease, (0, 0))
    stage.write(np.arange(3.0), store, "0", ((Part(0, 0, 3),),))
    assert lease.stat().st_mtime == 0
    monkeypatch.setattr(leases, "_RENEW", 0.0)
    stage.write(np.arange(3.0), store, "1", ((Part(0, 0, 3),),))
    assert time.time() - lease.stat().st_mtime < 60


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_gives_up_nothing_of_its_parent(tmp_path):
    code = MAKE + (
        "pid = os.fork()\n"
        "if not pid: del s; os._exit(0)\n"
        "os.waitpid(pid, 0); print(os.path.isdir(s.url))"
    )
    assert run_python(code, tmp_path) == "True"
    assert folders(tmp_path) == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_with_the_folder_and_the_option(code, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(code, os.strerror(code))

    store = stage.open_store(str(tmp_path))
    monkeypatch.setattr(stage_folders, "_write_all", full)
    with pytest.raises(StoreError, match=r"set_options\(temporary_store=") as caught:
        stage.write(np.ones(2), store, "0", ((Part(0, 0, 2),),))
    assert str(tmp_path) in str(caught.value)
    assert caught.value.errno == code
    assert [p.name for p in Path(store.url).iterdir() if not p.name.startswith("lease@")] == []
    assert isinstance(pickle.loads(pickle.dumps(caught.value)), StoreError)
    del store, caught  # whose traceback has the store
    assert folders(tmp_path) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_write_that_the_system_refuses_is_an_error():
    with Path("/dev/full").open("wb", buffering=0) as file, pytest.raises(OSError, match="space"):
        stage_folders._write_all(file.fileno(), [np.ones(2).data])


def test_a_file_that_is_gone_is_told_not_guessed(tmp_path):
    store = stage.open_store(str(tmp_path))
    written = stage.write(np.ones(2), store, "0", ((Part(0, 0, 2),),))
    (Path(store.url) / written.name).unlink()
    with pytest.raises(StoreError, match=r"compute again.*set_options\(temporary_store="):
        stage.read([written], [0], ((Part(0, 0, 2),),), store)


def test_a_handle_that_comes_late_makes_its_store_again(tmp_path):
    store = stage.open_store(str(tmp_path))
    shutil.rmtree(store.url)
    written = stage.write(np.ones(2), store, "0", ((Part(0, 0, 2),),))
    got = stage.read([written], [0], ((Part(0, 0, 2),),), store)
    np.testing.assert_array_equal(got, [1.0, 1.0])
    del store, written
    assert folders(tmp_path) == []


def test_a_store_made_on_another_host_is_told_with_the_option_to_set(tmp_path, monkeypatch):
    store = stage.open_store(str(tmp_path))
    written = stage.write(np.ones(2), store, "0", ((Part(0, 0, 2),),))
    data = pickle.dumps((store, written))
    shutil.rmtree(store.url)
    del store, written
    monkeypatch.setattr(leases, "host_name", lambda: "another.host")
    store, written = pickle.loads(data)
    with pytest.raises(PlacementError, match=r"set_options\(temporary_store="):
        stage.write(np.ones(2), store, "0", ((Part(0, 0, 2),),))
    with pytest.raises(PlacementError, match=r"set_options\(temporary_store="):
        stage.read([written], [0], ((Part(0, 0, 2),),), store)
    with pytest.raises(PlacementError, match=r"set_options\(temporary_store="):
        stage.write(np.ones(2), stage.Store("memory://elsewhere"), "0", ((Part(0, 0, 2),),))


def test_a_store_out_of_reach_is_told_with_the_option_to_set():
    store = pickle.loads(pickle.dumps(stage.Store("/no/such/folder")))
    with pytest.raises(PlacementError, match=r"set_options\(temporary_store="):
        stage.write(np.ones(2), store, "0", ((Part(0, 0, 2),),))
