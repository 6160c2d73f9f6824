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


def room_in(root):
    """Where an exchange keeps its slices."""
    return stage.Room(str(root), "an-exchange")


ALL = ((Part(0, 0, 3),),)
"""All three elements of a block, as cuts and as rows."""


def write_three(root, block="0"):
    """Three numbers in a store."""
    return stage.write(np.arange(3.0), room_in(root), block, ALL)


def assert_three(written):
    np.testing.assert_array_equal(stage.read([written], [0], ALL), np.arange(3.0))


def write_and_read(blocks, root):
    """Exchange two blocks, cut along axis 0, into one that is cut along axis 1."""
    length = blocks[0].shape[0]
    cuts = ((Part(0, 0, length),), (Part(0, 0, 2), Part(0, 2, 3)))
    written = [stage.write(b, room_in(root), str(i), cuts) for i, b in enumerate(blocks)]
    rows = ((Part(0, 0, length), Part(1, 0, length)), (Part(0, 2, 3),))
    return stage.read(written, [1, 1], rows)


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


def test_blocks_of_an_exchange_share_a_store(tmp_path):
    first, second = write_three(tmp_path, "0"), write_three(tmp_path, "1")
    assert first.store is second.store
    assert len(folders(tmp_path)) == 1


def test_two_exchanges_at_once_have_stores_of_their_own(tmp_path):
    first = write_three(tmp_path)
    second = stage.write(np.arange(3.0), stage.Room(str(tmp_path), "another"), "0", ALL)
    assert first.store.url != second.store.url
    del first
    assert folders(tmp_path) == [Path(second.store.url).name]


def test_a_block_that_is_written_again_goes_to_another_store(tmp_path):
    first, again = write_three(tmp_path), write_three(tmp_path)
    assert first.store.url != again.store.url
    for written in (first, again):
        assert_three(written)
    name = Path(again.store.url).name
    del first, written
    assert folders(tmp_path) == [name]
    assert_three(again)


def test_many_writers_at_once_make_one_store(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        written = list(pool.map(lambda i: write_three(tmp_path, str(i)), range(40)))
    assert len({w.store.url for w in written}) == 1
    for one in written:
        assert_three(one)
    del written, one
    assert folders(tmp_path) == []


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


def test_what_was_written_holds_the_folder(tmp_path):
    first, second = write_three(tmp_path, "0"), write_three(tmp_path, "1")
    del first
    assert len(folders(tmp_path)) == 1
    assert_three(second)
    del second
    assert folders(tmp_path) == []


def test_a_pickle_keeps_the_folder_when_every_handle_is_gone(tmp_path):
    spilled = pickle.dumps(write_three(tmp_path))
    assert len(folders(tmp_path)) == 1
    written = pickle.loads(spilled)
    assert_three(written)
    del written
    assert folders(tmp_path) == []


def test_what_is_pickled_together_holds_one_lease(tmp_path):
    mine = [write_three(tmp_path, str(i)) for i in range(5)]
    arrived = [pickle.loads(pickle.dumps(one)) for one in mine]
    (folder,) = tmp_path.iterdir()
    assert len(list(folder.glob("lease@*"))) == 1
    data = pickle.dumps(arrived)
    assert len(list(folder.glob("lease@*"))) == 2
    del mine, arrived
    for one in pickle.loads(data):
        assert_three(one)
    del one
    assert folders(tmp_path) == []


def test_the_first_of_several_handles_may_go_first(tmp_path):
    written = write_three(tmp_path)
    copies = [pickle.loads(pickle.dumps(written)) for _ in range(3)]
    del written
    assert len(folders(tmp_path)) == 1
    while copies:
        assert len(folders(tmp_path)) == 1
        copies.pop(0)
    assert folders(tmp_path) == []


def test_a_pickle_may_be_loaded_twice(tmp_path):
    data = pickle.dumps(write_three(tmp_path))
    first, second = pickle.loads(data), pickle.loads(data)
    del first
    assert len(folders(tmp_path)) == 1
    del second
    assert folders(tmp_path) == []
    gone = pickle.loads(data)
    assert not Path(gone.store.url).exists()


def test_handles_given_up_by_many_threads_leave_nothing(tmp_path):
    data = [pickle.dumps(write_three(tmp_path, str(i))) for i in range(20)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda d: pickle.loads(d).name, data))
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
    cuts = ((Part(0, 0, 2), Part(0, 2, 3)),)
    one = stage.write(np.arange(1.0, 4.0), room_in(tmp_path), "0", cuts)
    row = (Part(-1, 0, 2), Part(0, 2, 3), Part(0, 0, 2), Part(0, 2, 3), Part(-1, 0, 1))
    got = stage.read([None, one, one, one, None], [0, 1, 0, 1, 0], (row,))
    np.testing.assert_array_equal(got, [0, 0, 3, 1, 2, 3, 0])


@pytest.mark.parametrize("protocol", ["", "memory://"])
def test_slices_of_two_stores_are_read_together(protocol, tmp_path):
    room = room_in(f"{protocol}{tmp_path}")
    written = [stage.write(np.full(2, i), room, "0", ((Part(0, 0, 2),),)) for i in range(2)]
    assert len({w.store.url for w in written}) == 2
    row = (Part(0, 0, 2), Part(1, 0, 2))
    np.testing.assert_array_equal(stage.read(written, [0, 0], (row,)), [0, 0, 1, 1])


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
    written = write_three(tmp_path, "0")
    (lease,) = Path(written.store.url).glob("lease@*")
    os.utime(lease, (0, 0))
    write_three(tmp_path, "1")
    assert lease.stat().st_mtime == 0
    monkeypatch.setattr(leases, "_RENEW", 0.0)
    write_three(tmp_path, "2")
    assert time.time() - lease.stat().st_mtime < 60
    os.utime(lease, (0, 0))
    assert_three(written)
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

    written = write_three(tmp_path, "0")
    monkeypatch.setattr(stage_folders, "_write_all", full)
    with pytest.raises(StoreError, match=r"set_options\(temporary_store=") as caught:
        write_three(tmp_path, "1")
    assert str(tmp_path) in str(caught.value)
    assert caught.value.errno == code
    names = [p.name for p in Path(written.store.url).iterdir()]
    assert [name for name in names if not name.startswith("lease@")] == ["0"]
    assert isinstance(pickle.loads(pickle.dumps(caught.value)), StoreError)
    del written, caught  # whose traceback has the store
    assert folders(tmp_path) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_write_that_the_system_refuses_is_an_error():
    with Path("/dev/full").open("wb", buffering=0) as file, pytest.raises(OSError, match="space"):
        stage_folders._write_all(file.fileno(), [np.ones(2).data])


def test_a_file_that_is_gone_is_told_not_guessed(tmp_path):
    written = write_three(tmp_path)
    (Path(written.store.url) / written.name).unlink()
    with pytest.raises(StoreError, match=r"compute again.*set_options\(temporary_store="):
        stage.read([written], [0], ALL)


def test_a_store_that_was_cleared_away_is_told_by_writers_and_readers(tmp_path):
    written = write_three(tmp_path, "0")
    shutil.rmtree(written.store.url)
    with pytest.raises(StoreError, match=r"compute again.*set_options\(temporary_store="):
        write_three(tmp_path, "1")
    with pytest.raises(StoreError, match=r"compute again.*set_options\(temporary_store="):
        stage.read([written], [0], ALL)


def test_a_store_made_on_another_host_is_told_with_the_option_to_set(tmp_path, monkeypatch):
    written = write_three(tmp_path)
    data = pickle.dumps(written)
    shutil.rmtree(written.store.url)
    del written
    monkeypatch.setattr(leases, "host_name", lambda: "another.host")
    written = pickle.loads(data)
    with pytest.raises(PlacementError, match=r"set_options\(temporary_store="):
        stage.read([written], [0], ALL)


def test_memory_of_another_process_is_told_with_the_option_to_set():
    code = (
        "import numpy as np, pickle; from spanwise.kernels import stage; "
        "from collections import namedtuple; Part = namedtuple('Part', 'source start stop'); "
        "room = stage.Room('memory://elsewhere', 'x'); "
        "print(pickle.dumps(stage.write(np.ones(3), room, '0', ((Part(0, 0, 3),),))).hex())"
    )
    written = pickle.loads(bytes.fromhex(run_python(code)))
    with pytest.raises(PlacementError, match=r"set_options\(temporary_store="):
        stage.read([written], [0], ALL)
