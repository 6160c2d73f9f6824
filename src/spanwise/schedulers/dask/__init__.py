"""The placement pass on Dask's graphs; beside :mod:`spanwise.graph.dask` the only code that imports
Dask's internals.
"""
