"""What is known of how long kernels take covers all kernels."""

import numpy as np
import pytest

from spanwise.kernels import catalog, kernel
from spanwise.kernels.probes import probes
from spanwise.kernels.probes.relations import RELATIONS
from spanwise.measures import ELEMENTWISE

PROBES = list(probes(lambda dtype: "scipy"))
PROBED = {probe.kernel for probe in PROBES}
KERNELS = {
    k.name
    for name in catalog.__all__
    for k in vars(getattr(catalog, name)).values()
    if isinstance(k, kernel.Kernel)
}


def test_every_kernel_has_a_probe_or_a_relation_to_one_that_has():
    missing = KERNELS - PROBED - RELATIONS.keys()
    assert not missing, f"calibrate measures none of {missing}, and nothing stands for them"


def test_probes_and_relations_are_of_kernels_that_there_are():
    assert PROBED - {ELEMENTWISE} <= KERNELS
    assert RELATIONS.keys() <= KERNELS


def test_what_stands_for_a_kernel_has_a_probe():
    assert {relation.of for relation in RELATIONS.values()} <= PROBED
    assert PROBED.isdisjoint(RELATIONS)


@pytest.mark.parametrize("probe", PROBES, ids=lambda p: p.kernel + p.dtype)
def test_a_block_has_the_bytes_that_are_asked_for(probe):
    block = probe.block(2**20)
    assert block.dtype == probe.dtype
    assert 2**19 < block.nbytes <= 2**20
    assert bool(np.isnan(block).any()) == bool(probe.gap)
