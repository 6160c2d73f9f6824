"""Memory that is used again."""

import gc
import threading

import numpy as np
import pytest

from spanwise.kernels import buffers

MIB = 2**20


@pytest.fixture
def pool():
    return buffers.Pool(64 * MIB)


def address(x):
    return x.__array_interface__["data"][0]


def test_memory_is_used_again_when_the_last_view_is_gone(pool):
    x = pool.empty((2, 2 * MIB), "f4")
    x[...] = 7
    where, view = address(x), x[1:].T[3:].view("u4")
    del x
    assert address(pool.empty((4 * MIB,), "f4")) != where
    assert (view == np.float32(7).view("u4")).all()
    pool.clear()
    del view
    assert address(pool.empty((8 * MIB,), "u2")) == where


def test_arrays_are_aligned_writeable_and_contiguous(pool):
    x = pool.empty((3, MIB + 1), "c8")
    assert x.shape == (3, MIB + 1)
    assert x.dtype == np.complex64
    assert address(x) % 64 == 0
    assert x.flags.c_contiguous
    assert x.flags.writeable


def test_small_arrays_are_ordinary_ones(pool):
    assert pool.empty((3,), "f4").base is None
    assert pool.empty((0, 2**40), "f4").size == 0


def test_what_is_much_larger_than_needed_is_left_alone(pool):
    large = pool.empty((32 * MIB,), "u1")
    where = address(large)
    del large
    assert address(pool.empty((30 * MIB,), "u1")) == where
    assert pool.waiting
    assert pool.empty((8 * MIB,), "u1").nbytes == 8 * MIB
    assert pool.waiting < 32 * MIB


def test_what_waits_makes_room_for_what_is_needed(pool):
    blocks = [pool.empty((8 * MIB,), "u1") for _ in range(4)]
    blocks.clear()
    waiting = pool.waiting
    assert waiting >= 32 * MIB
    x = pool.empty((16 * MIB,), "u1")
    assert pool.waiting <= waiting - 16 * MIB
    del x


def test_no_more_waits_than_the_pool_was_given(pool):
    blocks = [pool.empty((20 * MIB,), "u1") for _ in range(5)]
    blocks.clear()
    gc.collect()
    assert 40 * MIB <= pool.waiting <= 64 * MIB
    pool.clear()
    assert pool.waiting == 0


def test_arrays_beyond_the_pool_are_ordinary_ones(pool):
    assert pool.empty((65 * MIB,), "u1").base is None


def test_threads_never_share_memory(pool):
    wrong = []

    def use(number):
        for _ in range(50):
            x = pool.empty((MIB,), "i8")
            x[:] = number
            if (x != number).any():
                wrong.append(number)

    threads = [threading.Thread(target=use, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_results_outlive_the_pool():
    pool = buffers.Pool(64 * MIB)
    x = pool.empty((MIB,), "f8")
    x[:] = 3
    del pool
    gc.collect()
    assert (x == 3).all()


def test_copies_are_cropped_and_padded():
    x = np.arange(6).reshape(2, 3)
    np.testing.assert_array_equal(buffers.copied(x, (3, 2), complex), [[0, 1], [3, 4], [0, 0]])
