import gc
import os

import dask
import pytest
from hypothesis import HealthCheck, settings

# What was measured on the machine of the tests must not change what they plan.
os.environ["SPANWISE_RATES"] = os.devnull + "/none"

pytest_plugins = ["pytester", "spanwise.testing.plugin"]

settings.register_profile(
    "spanwise",
    deadline=None,
    max_examples=25,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("spanwise")


@pytest.fixture(scope="session")
def untroubled_by_the_process():
    """Make workers inside this process ignore its resident memory, which is not theirs alone.

    They would spill, and at last pause, because of whatever the tests before them have left.
    """
    names = ("target", "spill", "pause", "terminate")
    with dask.config.set({f"distributed.worker.memory.{name}": False for name in names}):
        yield


@pytest.fixture(scope="module")
def collections_are_brief():
    """Keep collections of garbage from going through whatever the tests before have left."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
