import pytest
import scipy.cluster.hierarchy

from spanwise.cluster import hierarchy
from spanwise.errors import UnsupportedError


@pytest.mark.parametrize("name", scipy.cluster.hierarchy.__all__)
def test_every_function_of_scipy_names_the_way_over_prototypes(name):
    with pytest.raises(UnsupportedError, match="cluster_centers_"):
        getattr(hierarchy, name)


def test_other_names_are_not_there():
    with pytest.raises(AttributeError, match="nonsense"):
        hierarchy.nonsense  # noqa: B018
    assert "linkage" in dir(hierarchy)
