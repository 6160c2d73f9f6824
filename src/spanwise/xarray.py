"""The accessor: ``import spanwise.xarray`` gives every DataArray and Dataset ``.spanwise``.

Its methods are the functions of :mod:`spanwise.labels`, with the object in front.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable
from typing import Any

import xarray as xr

from . import plot as _plot
from .labels import cluster as _cluster
from .labels import fft as _fft
from .labels import signal as _signal

__all__ = ["SpanwiseAccessor"]


def _method(function: Callable[..., Any]) -> Callable[..., Any]:
    """A labelled function as a method: its signature and docstring without the object."""

    @functools.wraps(function)
    def method(self: _Namespace, *args: Any, **kwargs: Any) -> Any:
        return function(self._obj, *args, **kwargs)

    signature = inspect.signature(function)
    _, *parameters = signature.parameters.values()
    self = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    method.__signature__ = signature.replace(parameters=[self, *parameters])  # type: ignore
    method.__doc__ = _without_object(inspect.getdoc(function) or "")
    return method


def _without_object(doc: str) -> str:
    """The docstring less the paragraph on the parameter ``obj``."""
    return re.sub(r"^obj : .*\n(?:[ \t]+.*\n|\n(?=[ \t]))*", "", doc, count=1, flags=re.MULTILINE)


class _Namespace:
    """Methods of one object."""

    def __init__(self, obj: Any) -> None:
        self._obj = obj


class FFTNamespace(_Namespace):
    """Fourier transforms by dimension: :mod:`spanwise.labels.fft`."""

    fft = _method(_fft.fft)
    ifft = _method(_fft.ifft)
    rfft = _method(_fft.rfft)
    irfft = _method(_fft.irfft)
    fft2 = _method(_fft.fft2)
    ifft2 = _method(_fft.ifft2)
    rfft2 = _method(_fft.rfft2)
    irfft2 = _method(_fft.irfft2)
    fftn = _method(_fft.fftn)
    ifftn = _method(_fft.ifftn)
    rfftn = _method(_fft.rfftn)
    irfftn = _method(_fft.irfftn)
    hfft = _method(_fft.hfft)
    ihfft = _method(_fft.ihfft)
    hfft2 = _method(_fft.hfft2)
    ihfft2 = _method(_fft.ihfft2)
    hfftn = _method(_fft.hfftn)
    ihfftn = _method(_fft.ihfftn)
    dct = _method(_fft.dct)
    idct = _method(_fft.idct)
    dctn = _method(_fft.dctn)
    idctn = _method(_fft.idctn)
    dst = _method(_fft.dst)
    idst = _method(_fft.idst)
    dstn = _method(_fft.dstn)
    idstn = _method(_fft.idstn)
    zoom_fft = _method(_fft.zoom_fft)
    fht = _method(_fft.fht)
    ifht = _method(_fft.ifht)
    fftshift = _method(_fft.fftshift)
    ifftshift = _method(_fft.ifftshift)
    pad = _method(_fft.pad)
    unpad = _method(_fft.unpad)


class SignalNamespace(_Namespace):
    """Spectra and filters by dimension: :mod:`spanwise.labels.signal`."""

    band_power = _method(_signal.band_power)
    coherence = _method(_signal.coherence)
    cross_phase = _method(_signal.cross_phase)
    cross_spectrum = _method(_signal.cross_spectrum)
    csd = _method(_signal.csd)
    detrend = _method(_signal.detrend)
    fftconvolve = _method(_signal.fftconvolve)
    filter_frequencies = _method(_signal.filter_frequencies)
    fit_loglog = _method(_signal.fit_loglog)
    harmonics = _method(_signal.harmonics)
    hilbert = _method(_signal.hilbert)
    isotropic_cross_spectrum = _method(_signal.isotropic_cross_spectrum)
    isotropic_power_spectrum = _method(_signal.isotropic_power_spectrum)
    isotropize = _method(_signal.isotropize)
    istft = _method(_signal.istft)
    periodogram = _method(_signal.periodogram)
    power_spectrum = _method(_signal.power_spectrum)
    spectrogram = _method(_signal.spectrogram)
    stft = _method(_signal.stft)
    welch = _method(_signal.welch)


class ClusterNamespace(_Namespace):
    """Clusters by dimension: :mod:`spanwise.labels.cluster`."""

    kmeans = _method(_cluster.kmeans)
    predict = _method(_cluster.predict)
    transform = _method(_cluster.transform)


class PlotNamespace(_Namespace):
    """Pictures: :mod:`spanwise.plot`."""

    clusters = _method(_plot.clusters)
    coherence = _method(_plot.coherence)
    loglog_spectrum = _method(_plot.loglog_spectrum)
    spectrogram = _method(_plot.spectrogram)


@xr.register_dataarray_accessor("spanwise")
@xr.register_dataset_accessor("spanwise")
class SpanwiseAccessor(_Namespace):
    """Everything that spanwise does by dimension name.

    Examples
    --------
    >>> import numpy as np, xarray as xr, spanwise.xarray
    >>> da = xr.DataArray(np.ones((2, 8)), dims=("y", "time")).chunk(time=4)
    >>> da.spanwise.fft.rfft(dim="time").dims
    ('y', 'freq_time')
    """

    @property
    def fft(self) -> FFTNamespace:
        """Fourier transforms."""
        return FFTNamespace(self._obj)

    @property
    def signal(self) -> SignalNamespace:
        """Spectra and filters."""
        return SignalNamespace(self._obj)

    @property
    def cluster(self) -> ClusterNamespace:
        """Clusters."""
        return ClusterNamespace(self._obj)

    @property
    def plot(self) -> PlotNamespace:
        """Pictures of spectra and clusters."""
        return PlotNamespace(self._obj)

    def explain(self, *, policy: Any = None, client: Any = None) -> Any:
        """What computing this object would take; see :func:`spanwise.explain`. Runs nothing."""
        from .schedulers.explain import explain

        return explain(self._obj, policy=policy, client=client)
