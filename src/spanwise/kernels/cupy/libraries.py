"""CUDA's libraries, which CuPy loads when it first needs them; a driver does not bring them."""

from __future__ import annotations

from importlib import metadata
from typing import Any

_NEEDED = ("cufft", "cublas", "nvrtc")
"""For transforms, for products of matrices, and to compile kernels."""


def missing_libraries(cuda: Any) -> str:
    """Which libraries CuPy cannot load, and what to do about it; empty if it loads all.

    Parameters
    ----------
    cuda : module
        ``cupy.cuda``, or what is like it.
    """
    missing = ", ".join(name for name in _NEEDED if not _loads(cuda, name))
    if not missing:
        return ""
    return (
        f"CuPy does not find {missing} of the CUDA toolkit: "
        f'python -m pip install "{_package()}[ctk]", or install the toolkit and set CUDA_PATH'
    )


def _loads(cuda: Any, name: str) -> bool:
    try:
        library = getattr(cuda, name)
        if name == "nvrtc":  # loaded by its first call
            library.getVersion()
    except (ImportError, RuntimeError, OSError, AttributeError):
        return False
    return True


def _package() -> str:
    """The package that CuPy was installed from."""
    for name in ("cupy-cuda13x", "cupy-cuda12x"):
        try:
            metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
        return name
    return "cupy-cuda13x"
