"""One Lloyd iteration over resident rows, against its matrix product, torch and cuML."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np

import spanwise as sw

from .device import Device, Times, median_of
from .entry import Entry, Rates

SIZES = {"full": ((10_000_000, 16, 64), (1_000_000, 128, 1024)), "toy": ((4000, 4, 32),)}
SHORT, LONG = 2, 12
"""Iterations of two fits, whose difference is that of ten."""
RUNS = {"full": 3, "toy": 1}
TARGET = 0.7
_BLOCK = 1 << 20
"""Rows of a product at a time: all scores at once would not be read by anybody."""


def iterations(device: Device, size: str, rates: Rates) -> Iterator[Entry]:
    """Ours against what no implementation by products can leave out, and against others."""
    for n, d, k in SIZES[size]:
        x = device.normal((n, d))
        x += 4.0 * device.put(np.arange(d, dtype="float32") % 3)
        start = np.random.default_rng(1).standard_normal((k, d)).astype("float32")
        ours = [fit_difference(device, our_fit(x, k, start)) for _ in range(RUNS[size])]
        product = median_of(device.clock, gemm(device, x, start))
        read = median_of(device.clock, lambda x=x: device.xp.sum(x, axis=0))
        # The least that moves is the rows: labels and sums are small beside them.
        common: dict[str, Any] = {
            "floor": x.nbytes / rates.device_copy,
            "floor_of": "rows read once, at the rate of a copy",
            "bytes": x.nbytes,
            "flops": 2.0 * n * d * k,
        }
        name = f"k-means iteration, {n:,} rows of {d}, {k} centres, float32"
        yield Entry(
            name,
            "its matrix product and one read of the rows",
            Times(tuple(ours), (product + read,) * len(ours)),
            target=TARGET,
            values={"product, s": product, "read, s": read},
            **common,
        )
        for peer, make in peers(device).items():
            fit = make(x, k, start)
            theirs = [fit_difference(device, fit) for _ in ours]
            yield Entry(name, peer, Times(tuple(ours), tuple(theirs)), **common)


Fit = Callable[[int], Any]


def fit_difference(device: Device, fit: Fit) -> float:
    """Seconds of one iteration: what is done once in a fit drops out."""
    fit(1)
    short, long = (device.wall(lambda n=n: fit(n)) for n in (SHORT, LONG))
    seconds = (long - short) / (LONG - SHORT)
    if seconds <= 0 and device.is_card:
        raise RuntimeError(f"{LONG} iterations took no longer than {SHORT}: {long:.3g} s")
    return max(seconds, 1e-9)


def our_fit(x: Any, k: int, start: np.ndarray) -> Fit:
    """Our fit from given centres, without a tolerance."""

    def fit(count: int) -> Any:
        model = sw.cluster.KMeans(k, init=start, n_init=1, tol=0, max_iter=count, method="lloyd")
        model.fit(x)
        if model.n_iter_ < count:
            raise RuntimeError(f"done after {model.n_iter_} of {count} iterations")
        return model

    return fit


def gemm(device: Device, x: Any, start: np.ndarray) -> Callable[[], None]:
    """The scores of all rows, block by block, and nothing else."""
    xp = device.xp
    centres = device.put(np.ascontiguousarray(start.T))

    def run() -> None:
        for a in range(0, x.shape[0], _BLOCK):
            xp.matmul(x[a : a + _BLOCK, :], centres)

    return run


def peers(device: Device) -> dict[str, Callable[..., Fit]]:
    """Other implementations that are installed and see the same device."""
    found: dict[str, Callable[..., Fit]] = {}
    if find_spec("torch") is not None:
        import torch

        if torch.cuda.is_available() or not device.is_card:
            found["torch: product, argmin, index_add"] = torch_fit
    if device.is_card and find_spec("cuml") is not None:
        found["cuml.KMeans"] = cuml_fit
    return found


def torch_fit(x: Any, k: int, start: np.ndarray) -> Fit:
    """Lloyd's iteration as it is commonly written with PyTorch."""
    import torch

    on_card = hasattr(x, "__dlpack__") and not hasattr(x, "copy_to_host")
    rows = torch.from_dlpack(x) if on_card else torch.from_numpy(sw.to_host(x))

    def fit(count: int) -> Any:
        centres = torch.as_tensor(start, device=rows.device)
        ones = torch.ones(rows.shape[0], device=rows.device)
        for _ in range(count):
            norms = (centres * centres).sum(1)
            labels = torch.cat(
                [
                    torch.addmm(norms, part, centres.T, alpha=-2).argmin(1)
                    for part in rows.split(_BLOCK)
                ]
            )
            sums = torch.zeros_like(centres).index_add_(0, labels, rows)
            weight = torch.zeros(k, device=rows.device).index_add_(0, labels, ones)
            centres = torch.where(weight[:, None] > 0, sums / weight[:, None], centres)
        if rows.is_cuda:
            torch.cuda.synchronize()
        return centres

    return fit


def cuml_fit(x: Any, k: int, start: np.ndarray) -> Fit:
    """The estimator of cuML."""
    from cuml.cluster import KMeans

    return lambda count: KMeans(
        n_clusters=k, init=start, n_init=1, tol=0, max_iter=count, output_type="cupy"
    ).fit(x)
