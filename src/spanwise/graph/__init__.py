"""Floor 2: what tasks there are. Planners are pure; :mod:`spanwise.graph.dask` alone lowers."""
