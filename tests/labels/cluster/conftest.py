import numpy as np
import pytest
import xarray as xr

MONTHS = 12


def _climate(ny=6, nx=7, land=True, dtype="float32"):
    """Annual cycles of two hemispheres, with land."""
    rng = np.random.default_rng(0)
    lat = np.linspace(50, -50, ny).astype(dtype)
    cycle = np.sin(2 * np.pi * np.arange(MONTHS) / MONTHS)
    values = 10 * np.sign(lat)[None, :, None] * cycle[:, None, None]
    values = values + rng.normal(size=(MONTHS, ny, nx))
    if land:
        values[:, 1, 2:4] = np.nan
        values[3, 4, 5] = np.nan
    return xr.DataArray(
        values.astype(dtype),
        dims=("month", "lat", "lon"),
        coords={
            "month": np.arange(1, MONTHS + 1),
            "lat": lat,
            "lon": ("lon", np.arange(nx) * 10.0, {"units": "degrees_east"}),
            "area": (("lat", "lon"), np.ones((ny, nx))),
            "season": ("month", list("DJFMAMJJASON")),
            "depth": 0.0,
        },
        name="sst",
        attrs={"units": "K", "long_name": "temperature", "standard_name": "sst"},
    )


@pytest.fixture(scope="session")
def climate():
    """Makes data."""
    return _climate
