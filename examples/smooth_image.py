"""Smooth a photograph by leaving out its highest spatial frequencies.

An image is a sum of plane waves. Waves of few cycles per pixel carry the large shapes; waves near
the Nyquist frequency, half a cycle per pixel, carry edges and noise. Transforming the image,
setting the waves above a cutoff to zero and transforming back is the sharpest low-pass filter
there is. Its price is ringing beside sharp edges (Gibbs' phenomenon).

`smooth` is written once, in the array API's names, and serves every library:

    python examples/smooth_image.py --library numpy
    python examples/smooth_image.py --library torch
    python examples/smooth_image.py --library dask --chunks 100
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from array_api_compat import array_namespace

import spanwise as sw

CUTOFF = 0.06
"""Highest frequency kept, in cycles per pixel of the full image."""
STRIDES = {"full": 1, "toy": 8}
"""Every how many pixels are taken."""


def photograph(stride: int) -> np.ndarray:
    """A real picture, in float32 between 0 and 1, of shape (rows, columns, colours)."""
    from sklearn.datasets import load_sample_image

    return load_sample_image("china.jpg")[::stride, ::stride].astype(np.float32) / 255


def array_of(library: str, image: np.ndarray, chunks: int) -> Any:
    """The image as an array of the library."""
    if library == "numpy":
        return image
    if library == "dask":
        import dask.array as da

        return da.from_array(image, chunks=(chunks, chunks, -1))
    if library == "torch":
        import torch

        return torch.from_numpy(image)
    if library == "cupy":
        return sw.to_device(image)
    import array_api_strict

    return array_api_strict.asarray(image)


def smooth(image: Any, cutoff: float) -> Any:
    """Zero all frequencies above the cutoff. Lazy on a Dask array, whatever its chunks."""
    xp = array_namespace(image)
    rows = sw.fft.fftfreq(image.shape[0], xp=xp)
    columns = sw.fft.fftfreq(image.shape[1], xp=xp)
    low = rows[:, None, None] ** 2 + columns[None, :, None] ** 2 <= cutoff**2
    spectrum = sw.fft.fftn(image, axes=(0, 1))
    return xp.real(sw.fft.ifftn(xp.where(low, spectrum, 0.0), axes=(0, 1)))


def draw(image: np.ndarray, result: np.ndarray, cutoff: float, out: Path) -> None:
    """The photograph, its spectrum with the circle that is kept, and the result."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Circle

    spectrum = sw.fft.fftshift(abs(sw.fft.fftn(image.mean(axis=2))))
    figure = Figure(figsize=(12.5, 3.4), layout="constrained")
    before, middle, after = figure.subplots(1, 3)
    before.imshow(image)
    before.set_title("photograph")
    extent = (-0.5, 0.5, 0.5, -0.5)  # rows count downwards, as in the photograph
    shown = middle.imshow(np.log10(spectrum + 1e-3), extent=extent, cmap="magma", vmin=0)
    middle.add_patch(Circle((0, 0), cutoff, fill=False, color="white"))
    middle.set(title="its spectrum; the circle is kept", xlabel="cycles per pixel")
    figure.colorbar(shown, ax=middle, label="log₁₀ magnitude")
    after.imshow(result.clip(0, 1))
    after.set_title(f"frequencies up to {cutoff:g} cycles per pixel")
    for axes in (before, after):
        axes.set_axis_off()
    figure.savefig(out, dpi=150)


def main(argv: list[str] | None = None) -> None:
    """Smooth, say what came out, and draw it."""
    parser = argparse.ArgumentParser(description="Smooth a photograph by FFT.")
    libraries = ("numpy", "dask", "torch", "cupy", "array-api-strict")
    parser.add_argument("--library", choices=libraries, default="numpy")
    parser.add_argument("--chunks", type=int, default=150, help="pixels, for Dask")
    parser.add_argument("--size", choices=STRIDES, default="full")
    parser.add_argument("--out", type=Path, default=Path("smooth_image.png"))
    options = parser.parse_args(argv)

    image = photograph(STRIDES[options.size])
    cutoff = min(CUTOFF * STRIDES[options.size], 0.25)
    x = array_of(options.library, image, min(options.chunks, len(image) // 2))
    y = smooth(x, cutoff)
    print(f"{type(x).__module__}.{type(x).__name__} {x.shape} in, {y.dtype} of the same type out")
    if options.library == "dask":
        print(sw.explain(y))
        y = y.compute()
    result = np.asarray(sw.to_host(y))
    error = np.linalg.norm(result - smooth(image, cutoff)) / np.linalg.norm(result)
    print(f"relative difference from NumPy's result: {error:.1e}")
    draw(image, result, cutoff, options.out)
    print(f"wrote {options.out}")


if __name__ == "__main__":
    main()
