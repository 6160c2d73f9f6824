import logging

import pytest

from spanwise.schedulers import MixedCluster, placement


@pytest.fixture(scope="module")
def device(untroubled_by_the_process):
    """Placement on a stand-in for a GPU, in a cluster inside this process."""
    with (
        MixedCluster(cpu=1, gpu=1, device="hostfree", processes=False) as client,
        placement("gpu", device="hostfree"),
    ):
        logging.getLogger("distributed.worker").setLevel(logging.CRITICAL)
        yield client
        logging.getLogger("distributed.worker").setLevel(logging.NOTSET)
