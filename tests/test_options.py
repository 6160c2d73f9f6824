"""Options live in Dask's configuration."""

import os
import subprocess
import sys

import dask
import pytest

import spanwise as sw
from spanwise import options

KEYS = {"fft_kernel", "memory", "placement", "temporary_store"}


def test_the_defaults_leave_everything_open():
    code = "import spanwise as sw; print(sw.get_options())"
    env = {k: v for k, v in os.environ.items() if not k.startswith("DASK_")}
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env
    )
    assert eval(run.stdout) == dict.fromkeys(KEYS)


def test_the_environment_sets_options():
    code = "import spanwise as sw; print(sw.get_options()['memory'])"
    env = os.environ | {"DASK_SPANWISE__MEMORY": "3GiB"}
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env
    )
    assert run.stdout.strip() == "3GiB"


def test_options_hold_until_the_end_of_the_block():
    before = sw.get_options()
    with sw.set_options(memory="512MiB", temporary_store="/tmp/x"):
        assert sw.get_options() == before | {"memory": "512MiB", "temporary_store": "/tmp/x"}
        with sw.set_options(memory=None):
            assert sw.get_options()["memory"] is None
        assert dask.config.get("spanwise.memory") == "512MiB"
    assert sw.get_options() == before


def test_options_without_a_block_stay():
    before = sw.get_options()["memory"]
    sw.set_options(memory=12345)
    try:
        assert sw.get_options()["memory"] == 12345
    finally:
        sw.set_options(memory=before)


def test_options_of_dasks_own_configuration_are_seen():
    with dask.config.set({"spanwise.memory": "1GiB"}):
        assert options.machine().memory == 2**30
    with dask.config.set({"spanwise.temporary-store": "/tmp/y"}):
        assert sw.get_options()["temporary_store"] == "/tmp/y"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"colour": 1}, "'colour': expected one of fft_kernel, memory, placement, temporary_store"),
        ({"memory": "lots"}, "512MiB"),
        ({"memory": -5}, "memory=-5"),
        ({"memory": 0}, "memory=0"),
        ({"memory": True}, "512MiB"),
        ({"placement": "tpu"}, "placement='tpu': expected one of"),
        (
            {"fft_kernel": "fftw"},
            "fft_kernel='fftw': expected one of auto, ducc0, .*register_kernel",
        ),
        ({"temporary_store": 5}, "temporary_store=5"),
        ({"temporary_store": "s5://bucket"}, "'s5://bucket'.*protocol 's5'"),
    ],
)
def test_wrong_options_are_refused_and_change_nothing(wrong, words):
    before = sw.get_options()
    with pytest.raises(sw.errors.ArgumentError, match=words):
        sw.set_options(**wrong)
    assert sw.get_options() == before


def test_a_path_may_be_given_for_the_store(tmp_path):
    with sw.set_options(temporary_store=tmp_path):
        assert sw.get_options()["temporary_store"] == str(tmp_path)


def test_the_budget_of_the_machine_is_the_option():
    with sw.set_options(memory="2 MiB"), dask.config.set(num_workers=3):
        here = options.machine()
    assert (here.memory, here.threads, here.explicit) == (2**21, 3, True)
    assert "spanwise.memory" in here.source


def test_without_the_option_the_budget_is_a_share_of_the_machine():
    with sw.set_options(memory=None):
        here = options.machine()
    assert not here.explicit
    assert here.workers == 1


@pytest.mark.parametrize("url", ["memory://scratch", "file:///scratch", "s3://bucket/scratch"])
def test_a_temporary_store_may_be_a_url(url):
    with sw.set_options(temporary_store=url):
        assert sw.get_options()["temporary_store"] == url


def test_plans_that_run_together_share_the_budget():
    with options.set_options(memory="1GiB"):
        with options.shared_budget(2):
            here = options.machine()
            assert here.memory == 2**29
            assert here.source.endswith("shared by 2 arrays")
        assert options.machine().memory == 2**30
