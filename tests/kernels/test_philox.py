import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanwise.kernels.library import namespace
from spanwise.kernels.philox import philox4x32, uniforms
from spanwise.kernels.transfer import to_host
from spanwise.testing import HostFree

VECTORS = [
    ((0, 0, 0, 0), (0, 0), "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ((2**32 - 1,) * 4, (2**32 - 1,) * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        "d16cfe09 94fdcceb 5001e420 24126ea1",
    ),
]


@pytest.mark.parametrize(("counter", "key", "expected"), VECTORS)
def test_known_answers_of_the_published_generator(counter, key, expected):
    words = philox4x32(tuple(np.full(1, c, np.int64) for c in counter), key)
    assert " ".join(f"{int(w[0]):08x}" for w in words) == expected


def test_every_library_gives_the_same_words(xp):
    if xp.is_lazy:
        pytest.skip("the generator runs on concrete blocks")
    reference = uniforms(7, 1, 5, 1000)
    anchor = xp.asarray(np.zeros(1))
    device = None if isinstance(anchor, (np.ndarray, HostFree)) else anchor.device
    here = uniforms(7, 1, 5, 1000, xp=namespace(anchor), device=device)
    np.testing.assert_array_equal(xp.to_numpy(here), reference)


@given(st.integers(0, 2**40), st.integers(0, 60), st.integers(0, 60))
def test_pieces_are_parts_of_the_whole(start, before, count):
    whole = uniforms(3, 0, start, before + count)
    np.testing.assert_array_equal(uniforms(3, 0, start + before, count), whole[before:])


def test_numbers_are_uniform_and_lie_inside_the_interval():
    u = uniforms(0, 0, 0, 100_000)
    assert u.min() > 0
    assert u.max() < 1
    counts = np.histogram(u, bins=50, range=(0, 1))[0]
    chi_squared = ((counts - 2000) ** 2 / 2000).sum()
    assert chi_squared < 94  # 49 degrees of freedom: 1 in 10**4


def test_seeds_and_rounds_give_different_numbers():
    streams = [uniforms(seed, turn, 0, 100) for seed, turn in ((0, 0), (1, 0), (0, 1), (1, 1))]
    assert len({tuple(to_host(s)) for s in streams}) == 4


def test_positions_beyond_32_bits_do_not_repeat():
    assert not np.array_equal(uniforms(0, 0, 2**34, 8), uniforms(0, 0, 0, 8))


def test_no_positions_no_numbers():
    assert uniforms(0, 0, 7, 0).shape == (0,)
