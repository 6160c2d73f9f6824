"""What of the kernel for CuPy needs no device: batches, and the use of CuPy's plan cache."""

from types import SimpleNamespace

import numpy as np
import pytest
import scipy.fft
from hypothesis import given
from hypothesis import strategies as st

from spanwise.errors import UnsupportedError
from spanwise.kernels.cupy import fft as kernel
from spanwise.kernels.cupy import plans

KINDS = ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")


def batched(x, kind, axes, lengths, limit, norm=None):
    seen = []

    def call(x, *, kind, axes, lengths):
        got = getattr(scipy.fft, f"{kind}n")(x, s=lengths, axes=axes, norm=norm)
        seen.append(max(got.size if kind not in ("rfft", "ihfft") else 0, got.size))
        return got

    return kernel.in_batches(
        call, x, kind=kind, axes=axes, lengths=lengths, limit=limit, xp=np
    ), seen


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data(), norm=st.sampled_from([None, "ortho", "forward"]))
def test_batches_together_are_the_transform(kind, data, norm):
    shape = data.draw(st.lists(st.integers(1, 6), min_size=1, max_size=4))
    axes = tuple(data.draw(st.permutations(range(len(shape)))))
    axes = axes[: data.draw(st.integers(1, len(shape)))]
    lengths = tuple(data.draw(st.integers(1, 7)) for _ in axes)
    limit = data.draw(st.integers(7, 60))
    rng = np.random.default_rng(0)
    x = rng.standard_normal(shape)
    if kind not in ("rfft", "ihfft"):
        x = x + 1j * rng.standard_normal(shape)
    want = getattr(scipy.fft, f"{kind}n")(x, s=lengths, axes=axes, norm=norm)
    got, sizes = batched(x, kind, axes, lengths, limit, norm)
    assert got.dtype == want.dtype
    np.testing.assert_allclose(got, want, atol=1e-12)
    assert all(size <= limit for size in sizes)


def test_what_is_small_enough_is_one_call():
    x = np.ones((4, 8))
    assert len(batched(x, "fft", (1,), (8,), 32)[1]) == 1
    assert len(batched(x, "fft", (1,), (8,), 31)[1]) == 2
    assert len(batched(x, "fft", (1,), (8,), 8)[1]) == 4


def test_blocks_without_points_need_no_call():
    got, calls = batched(np.ones((0, 4), "f"), "rfft", (1,), (4,), 8)
    assert got.shape == (0, 3)
    assert got.dtype == np.complex64
    assert calls == []


@pytest.mark.parametrize("shape", [(9,), (1, 9)])
def test_a_line_beyond_the_limit_is_refused_with_what_to_type(shape):
    with pytest.raises(UnsupportedError, match=r"9 points .*rechunk"):
        batched(np.ones(shape), "fft", (len(shape) - 1,), (9,), 8)


class FakeStream:
    def __init__(self, ptr):
        self.ptr = ptr
        self.waits = 0

    def synchronize(self):
        self.waits += 1


class FakeCache:
    def __init__(self):
        self.sizes = []
        self.held = 0
        self.cleared = 0

    def set_size(self, size):
        self.sizes.append(size)

    def get_curr_memsize(self):
        return self.held

    def clear(self):
        self.cleared += 1


@pytest.fixture
def fake(monkeypatch):
    monkeypatch.setattr(plans._here, "devices", {}, raising=False)
    monkeypatch.setattr(plans, "_keepers", {"threads": 1})
    cache = FakeCache()
    cupy = SimpleNamespace(stream=FakeStream(1), cache=cache, limit=0)
    pool = SimpleNamespace(get_limit=lambda: cupy.limit)
    cupy.get_default_memory_pool = lambda: pool
    cupy.cuda = SimpleNamespace(get_current_stream=lambda: cupy.stream)
    cupy.fft = SimpleNamespace(config=SimpleNamespace(get_plan_cache=lambda: cache))
    return cupy


DEVICE = SimpleNamespace(id=0, mem_info=(100, 800))


def use(cupy, device=DEVICE):
    with plans.bounded_plans(cupy, device):
        pass


def test_the_plan_cache_is_bounded_once_per_device(fake):
    use(fake)
    use(fake)
    assert fake.cache.sizes == [4]
    use(fake, SimpleNamespace(id=1, mem_info=(100, 800)))
    assert fake.cache.sizes == [4, 4]


def test_plans_that_hold_too_much_are_dropped(fake):
    fake.cache.held = 100
    use(fake)
    assert fake.cache.cleared == 0
    fake.cache.held = 101
    use(fake)
    assert fake.cache.cleared == 1


def test_a_limited_pool_and_several_threads_leave_less_to_plans(fake):
    fake.limit, fake.cache.held = 400, 50
    use(fake)
    assert fake.cache.cleared == 0
    plans.keep_plans(threads=2)
    use(fake)
    assert fake.cache.cleared == 1


def test_another_stream_waits_for_the_one_before(fake):
    first = fake.stream
    use(fake)
    use(fake)
    assert first.waits == 0
    fake.stream = FakeStream(2)
    use(fake)
    assert (first.waits, fake.stream.waits) == (1, 0)
