import threading

import numpy as np
import pytest

from spanwise.kernels.blas import single_threaded

threadpoolctl = pytest.importorskip("threadpoolctl")


def counts():
    np.ones((2, 2)) @ np.ones((2, 2))
    pools = threadpoolctl.threadpool_info()
    return {pool["num_threads"] for pool in pools if pool["user_api"] == "blas"}


def on_a_thread(function):
    found = []
    thread = threading.Thread(target=lambda: found.append(function()))
    thread.start()
    thread.join()
    return found[0]


def inside():
    with single_threaded():
        return counts()


def test_blas_has_one_thread_inside_whichever_thread_set_a_limit_before():
    before = counts()
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        assert inside() == {1}
        assert on_a_thread(inside) == {1}
        assert counts() <= {2}
    assert inside() == {1}
    assert on_a_thread(inside) == {1}
    assert counts() == before


def test_the_limit_stays_until_the_last_one_has_left():
    before = counts()
    with single_threaded():
        on_a_thread(inside)
        assert counts() == {1}
    assert counts() == before


def test_an_error_inside_restores_the_threads():
    before = counts()
    with pytest.raises(ZeroDivisionError), single_threaded():
        1 / 0  # noqa: B018
    assert counts() == before
