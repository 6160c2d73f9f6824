"""Hierarchies of rows that do not fit: not directly, but over prototypes.

Hierarchical clustering compares all pairs of rows, which is out of reach where the rows are. The
centres of a k-means with many clusters stand for them::

    km = spanwise.cluster.KMeans(1000, random_state=0).fit(x)
    tree = scipy.cluster.hierarchy.linkage(km.cluster_centers_, method="ward")
    groups = scipy.cluster.hierarchy.fcluster(tree, 8, criterion="maxclust")
    labels = km.labels_.map_blocks(lambda block: groups[block])   # lazy, a group for each row

Every name of ``scipy.cluster.hierarchy`` raises :class:`~spanwise.errors.UnsupportedError` here,
which says the same.
"""

from __future__ import annotations

from typing import NoReturn

from ..errors import UnsupportedError

_TEXT = """
ClusterNode ClusterWarning DisjointSet average centroid complete cophenet correspond cut_tree
dendrogram fcluster fclusterdata from_mlab_linkage inconsistent is_isomorphic is_monotonic
is_valid_im is_valid_linkage leaders leaves_list linkage maxRstat maxdists maxinconsts median
num_obs_linkage optimal_leaf_ordering set_link_color_palette single to_mlab_linkage to_tree ward
weighted
"""
_NAMES = frozenset(_TEXT.split())


def __getattr__(name: str) -> NoReturn:
    if name in _NAMES:
        raise UnsupportedError(
            f"spanwise.cluster.hierarchy.{name}: hierarchical clustering compares all pairs of "
            "rows. Take the way over prototypes: km = spanwise.cluster.KMeans(1000).fit(x), then "
            "scipy.cluster.hierarchy.linkage(km.cluster_centers_)"
        )
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(_NAMES)
