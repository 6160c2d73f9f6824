"""A stream for each thread, on a stand-in for CuPy."""

import contextlib
import sys
import threading
from types import SimpleNamespace

import pytest

from spanwise.kernels.cupy import streams
from spanwise.kernels.cupy.streams import own_stream


class FakeStream:
    current = None

    def __init__(self):
        self.waits = 0

    def synchronize(self):
        self.waits += 1

    def __enter__(self):
        FakeStream.current = self

    def __exit__(self, *error):
        FakeStream.current = None


@pytest.fixture
def fake(monkeypatch):
    cuda = SimpleNamespace(Device=lambda: SimpleNamespace(id=0), Stream=FakeStream)
    monkeypatch.setitem(sys.modules, "cupy", SimpleNamespace(cuda=cuda))
    monkeypatch.setattr(streams, "_here", threading.local())


@pytest.mark.usefixtures("fake")
def test_a_thread_works_in_one_stream_which_is_done_at_the_end():
    with own_stream():
        stream = FakeStream.current
        assert stream.waits == 0
    assert (stream.waits, FakeStream.current) == (1, None)
    with own_stream():
        assert FakeStream.current is stream


@pytest.mark.usefixtures("fake")
def test_another_thread_has_another_stream():
    seen = []

    def work():
        with own_stream():
            seen.append(FakeStream.current)

    for _ in range(2):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert len({id(stream) for stream in seen}) == 2


@pytest.mark.usefixtures("fake")
def test_the_stream_is_waited_for_after_an_error_too():
    with contextlib.suppress(RuntimeError), own_stream():
        stream = FakeStream.current
        raise RuntimeError
    assert stream.waits == 1
