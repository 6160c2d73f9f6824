"""The temporary store: what is written is read, and nothing stays behind."""

import gc
import pickle
import subprocess
import sys
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from spanwise.errors import PlacementError
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


def test_a_store_out_of_reach_is_told_with_the_option_to_set():
    store = pickle.loads(pickle.dumps(stage.Store("/no/such/folder")))
    with pytest.raises(PlacementError, match=r"set_options\(temporary_store="):
        stage.write(np.ones(2), store, "0", ((Part(0, 0, 2),),))
