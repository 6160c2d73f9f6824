"""One small problem for each public function, with SciPy's answer: what `support` measures."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

Chunks = tuple[tuple[int, ...], ...]

_SHAPE = (6, 10, 8)
_CENTRES = 20.0 * np.eye(3, 8)


@dataclass(frozen=True, slots=True)
class Case:
    """A call of one function and the answer to it."""

    function: str
    """Public name below ``spanwise``."""
    values: np.ndarray
    """The data, in double precision."""
    axes: tuple[int, ...]
    """The axes that the function works along: whole or cut into chunks."""
    call: Callable[[Any, Any], Any]
    """``(x, prepared) -> result``: an array or a tuple of arrays."""
    expected: Any
    """The same from SciPy."""
    prepare: Callable[[Any], Any] | None = None
    """``x -> prepared``: what the call needs (a fitted model), made before measuring."""
    normal_form: Callable[[np.ndarray], np.ndarray] | None = None
    """Removes what is free in the answer, as the numbering of clusters."""
    creates: bool = False
    """Whether the function makes an array from the namespace of ``x`` rather than from ``x``."""

    def chunks(self, *, whole: bool) -> Chunks:
        """Uneven chunks, with `axes` whole or cut like the others."""
        return tuple(
            (n,) if whole and axis in self.axes else (n - n // 3, n // 3)
            for axis, n in enumerate(self.values.shape)
        )


def _by_first_column(centres: np.ndarray) -> np.ndarray:
    return centres[np.lexsort(centres.T[::-1])]


def _by_first_appearance(labels: np.ndarray) -> np.ndarray:
    _, first, number = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[number]


def _nearest_first(distances: np.ndarray) -> np.ndarray:
    return np.sort(distances, axis=1)


def _transforms() -> Iterator[Case]:
    import scipy.fft

    from .. import fft

    rng = np.random.default_rng(0)
    real = rng.standard_normal(_SHAPE)
    spectrum = real + 1j * rng.standard_normal(_SHAPE)
    for kind in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft"):
        values = real if kind in ("rfft", "ihfft") else spectrum
        for suffix, axes in (("", (1,)), ("2", (0, 2)), ("n", (1, 2))):
            name = kind + suffix
            option = {"axes": axes} if suffix else {"axis": axes[0]}
            yield Case(
                f"fft.{name}",
                values,
                axes,
                lambda x, _, name=name, option=option: getattr(fft, name)(x, **option),
                getattr(scipy.fft, name)(values, **option),
            )
    for kind in ("dct", "idct", "dst", "idst"):
        for suffix, axes in (("", (1,)), ("n", (1, 2))):
            name = kind + suffix
            option = {"axes": axes} if suffix else {"axis": axes[0]}
            yield Case(
                f"fft.{name}",
                real,
                axes,
                lambda x, _, name=name, option=option: getattr(fft, name)(x, **option),
                getattr(scipy.fft, name)(real, **option),
            )


def _other_transforms() -> Iterator[Case]:
    """Hankel transforms, bands of frequencies, shifts and frequencies."""
    import scipy.fft
    import scipy.signal

    from .. import fft

    real = np.random.default_rng(0).standard_normal(_SHAPE)
    for name in ("fht", "ifht"):
        yield Case(
            f"fft.{name}",
            real,
            (2,),
            lambda x, _, name=name: getattr(fft, name)(x, 0.1, mu=1.5),
            getattr(scipy.fft, name)(real, 0.1, mu=1.5),
        )
    yield Case(
        "fft.zoom_fft",
        real,
        (1,),
        lambda x, _: fft.zoom_fft(x, (0.2, 0.4), 7, axis=1),
        scipy.signal.zoom_fft(real, (0.2, 0.4), 7, axis=1),
    )
    for name in ("fftshift", "ifftshift"):
        yield Case(
            f"fft.{name}",
            real,
            (0, 1, 2),
            lambda x, _, name=name: getattr(fft, name)(x),
            getattr(scipy.fft, name)(real),
        )
    for name in ("fftfreq", "rfftfreq"):
        yield Case(
            f"fft.{name}",
            real,
            (),
            lambda _, xp, name=name: getattr(fft, name)(10, d=0.5, xp=xp),
            getattr(scipy.fft, name)(10, d=0.5),
            creates=True,
        )


def _spectra() -> Iterator[Case]:
    import scipy.signal

    from .. import signal

    values = np.random.default_rng(1).standard_normal(_SHAPE)
    _, spectrum = scipy.signal.periodogram(values, axis=1, detrend="linear", window="hann")
    treated: dict[str, Any] = {"axes": 1, "detrend": "linear", "window": "hann", "half": True}
    treated["window_correction"] = True
    yield Case(
        "signal.power_spectrum",
        values,
        (1,),
        lambda x, _: signal.power_spectrum(x, **treated),
        spectrum,
    )
    yield Case(
        "signal.cross_spectrum",
        values,
        (1,),
        lambda x, _: signal.cross_spectrum(x, x, **treated),
        spectrum.astype(complex),
    )
    yield Case(
        "signal.cross_phase",
        values,
        (1,),
        lambda x, _: signal.cross_phase(x, -x, axes=1, half=True)[:, 1:-1, :],
        np.full((values.shape[0], 4, values.shape[2]), np.pi),
        normal_form=np.abs,
    )
    yield Case(
        "signal.detrend",
        values,
        (1,),
        lambda x, _: signal.detrend(x, 1),
        scipy.signal.detrend(values, 1),
    )
    yield Case(
        "signal.get_window",
        values,
        (),
        lambda _, xp: signal.get_window("hann", 10, xp=xp),
        scipy.signal.get_window("hann", 10),
        creates=True,
    )


def _filters() -> Iterator[Case]:
    import scipy.fft
    import scipy.signal

    from .. import signal

    values = np.random.default_rng(1).standard_normal(_SHAPE)
    response = 1 / (1 + scipy.fft.rfftfreq(values.shape[1]) ** 2)
    half = np.asarray(scipy.fft.rfft(values, axis=1))
    yield Case(
        "signal.filter_frequencies",
        values,
        (1,),
        lambda x, _: signal.filter_frequencies(x, lambda f: 1 / (1 + f**2), axes=1),
        scipy.fft.irfft(half * response[:, None], n=10, axis=1),
    )
    taps = values[:1, :3, :1]
    for name in ("fftconvolve", "oaconvolve"):
        yield Case(
            f"signal.{name}",
            values,
            (1,),
            lambda x, _, name=name: getattr(signal, name)(x, taps, "same", axes=1),
            getattr(scipy.signal, name)(values, taps, "same", axes=1),
        )
    yield Case(
        "signal.hilbert",
        values,
        (1,),
        lambda x, _: signal.hilbert(x, axis=1),
        scipy.signal.hilbert(values, axis=1),
    )
    yield Case(
        "signal.hilbert2",
        values,
        (1, 2),
        lambda x, _: signal.hilbert2(x),
        scipy.fft.ifft2(scipy.fft.fft2(values) * np.outer(_positive(10), _positive(8))),
    )


def _segments() -> Iterator[Case]:
    """Spectra of segments, whose frequencies are the same on all containers and left out."""
    import scipy.signal

    from .. import signal

    x = np.random.default_rng(4).standard_normal(_SHAPE)
    how: dict[str, Any] = {"nperseg": 4, "axis": 1}
    for name in ("welch", "spectrogram", "stft", "periodogram"):
        params = {"axis": 1} if name == "periodogram" else how
        yield Case(
            f"signal.{name}",
            x,
            (1,),
            lambda x, _, name=name, params=params: getattr(signal, name)(x, **params)[-1],
            getattr(scipy.signal, name)(x, **params)[-1],
        )
    for name in ("csd", "coherence"):
        yield Case(
            f"signal.{name}",
            x,
            (1,),
            lambda x, _, name=name: getattr(signal, name)(x, x**2, **how)[1],
            getattr(scipy.signal, name)(x, x**2, **how)[1],
        )
    spectra = scipy.signal.stft(x, nperseg=4, axis=1)[2]
    # Real parts are the spectra of samples too.
    yield Case(
        "signal.istft",
        spectra.real,
        (1, 3),
        lambda z, _: signal.istft(z, freq_axis=1)[1],
        scipy.signal.istft(spectra.real, freq_axis=1)[1],
    )
    waves = 2 * np.exp(-2j * np.pi * np.outer([0.1, 0.3], np.arange(10))) / 10
    amplitudes = np.moveaxis(np.tensordot(waves, x, (1, 1)), 0, 1)
    yield Case(
        "signal.harmonics",
        x,
        (1,),
        lambda x, _: signal.harmonics(x, [0.1, 0.3], axis=1),
        amplitudes,
    )
    yield Case(
        "signal.band_power",
        x,
        (1,),
        lambda x, _: signal.band_power(x, (0, 0.5), axis=1),
        (x**2).mean(axis=1),
    )


def _isotropic() -> Iterator[Case]:
    """Rings of the spectrum over the last two axes, of 10 and 8 samples, by their definition."""
    import scipy.fft

    from .. import signal

    values = np.random.default_rng(3).standard_normal(_SHAPE)
    lengths = values.shape[1:]
    f = np.hypot(*np.meshgrid(*(scipy.fft.fftfreq(n) for n in lengths), indexing="ij"))
    width = f.max() / 4
    ring = np.maximum(np.ceil(f / width - 1e-9).astype(int) - 1, 0)
    power = np.abs(np.asarray(scipy.fft.fft2(values))) ** 2 / np.prod(lengths) ** 2
    sums = np.stack([power[:, ring == j].sum(axis=1) for j in range(4)], axis=1) / width
    how: dict[str, Any] = {"axes": (1, 2), "nfactor": 2, "truncate": False}
    yield Case(
        "signal.isotropic_power_spectrum",
        values,
        (1, 2),
        lambda x, _: signal.isotropic_power_spectrum(x, **how),
        sums,
    )
    yield Case(
        "signal.isotropic_cross_spectrum",
        values,
        (1, 2),
        lambda x, _: signal.isotropic_cross_spectrum(x, -x, **how),
        -sums,
    )
    x = np.arange(1.0, 11.0)
    positive = np.exp(values)
    v = np.log2(np.moveaxis(positive, 1, 0).reshape(10, -1))
    slope, intercept = (p.reshape(6, 8) for p in np.polyfit(np.log2(x), v, 1))
    line = 2 ** (np.log2(x)[:, None] * slope[:, None] + intercept[:, None])
    yield Case(
        "signal.fit_loglog",
        positive,
        (1,),
        lambda y, _: tuple(signal.fit_loglog(x, y, axis=1)),
        (line, slope, intercept),
    )


def _positive(n: int) -> np.ndarray:
    """What `hilbert2` of SciPy 1.17 multiplies frequencies by (before, it took images only)."""
    k = np.arange(n)
    return np.where(k == 0, 1.0, np.where(2 * k < n, 2.0, 0.0))


def _clusters() -> Iterator[Case]:
    """Three well separated clouds, so that every start leads to the same clusters.

    There are more rows than k-means draws for its sample (10 000), which may travel between host
    and device, as its sums may and the data may not.
    """
    import scipy.cluster.vq as scipy_vq

    cluster: Any = importlib.import_module("spanwise.cluster")
    rng = np.random.default_rng(2)
    x = np.concatenate([centre + rng.standard_normal((20_000, 8)) for centre in _CENTRES])
    x = x[rng.permutation(len(x))]
    book, distortion = scipy_vq.kmeans(x, _CENTRES)
    labels, distances = scipy_vq.vq(x, book)
    squares = float(np.sum(distances**2))
    table = np.linalg.norm(x[:, None] - book[None], axis=2)

    def case(name: str, call: Any, expected: Any, **options: Any) -> Case:
        return Case(f"cluster.{name}", x, (1,), call, expected, **options)

    def model() -> Any:
        return cluster.KMeans(3, random_state=0)

    def fitted(x: Any) -> Any:
        return model().fit(x)

    yield case("vq.whiten", lambda x, _: cluster.vq.whiten(x), scipy_vq.whiten(x))
    yield case("vq.vq", lambda x, _: cluster.vq.vq(x, book), (labels, distances))
    yield case("vq.kmeans", lambda x, _: cluster.vq.kmeans(x, _CENTRES), (book, distortion))
    yield case(
        "vq.kmeans2",
        lambda x, _: cluster.vq.kmeans2(x, _CENTRES),
        scipy_vq.kmeans2(x, _CENTRES),
    )
    yield case(
        "KMeans.fit",
        lambda x, _: model().fit(x).cluster_centers_,
        _by_first_column(book),
        normal_form=_by_first_column,
    )
    for name in ("predict", "fit_predict"):
        yield case(
            f"KMeans.{name}",
            lambda x, km, name=name: getattr(km, name)(x),
            _by_first_appearance(labels),
            prepare=fitted if name == "predict" else lambda _: model(),
            normal_form=_by_first_appearance,
        )
    yield case(
        "KMeans.transform",
        lambda x, km: km.transform(x),
        _nearest_first(table),
        prepare=fitted,
        normal_form=_nearest_first,
    )
    yield case(
        "kmeans_sweep",
        lambda x, _: cluster.kmeans_sweep(x, (3,), rng=0).centers[0],
        _by_first_column(book),
        normal_form=_by_first_column,
    )
    yield case("KMeans.score", lambda x, km: km.score(x), np.asarray(-squares), prepare=fitted)


@functools.cache
def all_cases() -> tuple[Case, ...]:
    """A case for each public function of `spanwise.fft`, `spanwise.signal`, `spanwise.cluster`."""
    return (
        *_transforms(),
        *_other_transforms(),
        *_spectra(),
        *_filters(),
        *_segments(),
        *_isotropic(),
        *_clusters(),
    )
