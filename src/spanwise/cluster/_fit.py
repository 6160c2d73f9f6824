"""A fit, sweep by sweep: a survey, a sample to start from, and exact steps over all rows.

Methods (all sweeps are Lloyd steps over all rows, exact to the last bit):

- ``lloyd``: from the start until the centres rest;
- ``coreset``: the first step also draws a second sample, of the rows that matter most to the cost
  (far ones, and those of small clusters). Centres are improved on both samples together; the next
  step is made from these and from the plain step's, and goes on with the better. The last sweep
  measures the inertia of the centres that are given out.

What a sweep has found is one value, `Progress`, which a checkpoint keeps.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..kernels.lloyd import Measure, Rates
from ..kernels.lloyd_pass import Sums
from ._lloyd import (
    Frame,
    Lloyd,
    State,
    inertia_of,
    logger,
    mean_variance,
    second_moment,
)
from ._rows import MemoryRows, Rows
from ._start import Sample, Start, best_start, improved

CORESET_SWEEPS = 4
"""Sweeps of the method coreset, unless more are asked for."""

Callback = Callable[[int, float, float], Any]
"""``callback(iteration, inertia, shift)``."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What a fit is to find."""

    method: str
    """``"lloyd"`` or ``"coreset"``."""
    max_iter: int
    """Steps over all rows, at most."""
    max_sweeps: float
    """Sweeps over all rows, at most, with the survey and the last one."""
    tol: float
    """Share of the mean variance that squared shifts may add up to at rest."""
    seed: int
    """First word of the key of the second sample."""
    size: int
    """Rows of each sample."""
    measure: Measure = "squared"
    """What the last sweep measures: ``"both"`` also sums the distances."""


@dataclass(frozen=True, slots=True)
class Track:
    """One number of clusters that is being fitted."""

    state: State
    """Centres and where the iteration stands."""
    rivals: tuple[np.ndarray, ...] = ()
    """Other centres, which the next sweep compares with those of the state."""
    ending: bool = False
    """Whether the next sweep only measures."""
    done: bool = False
    """Whether the inertia is that of the centres."""
    weights: np.ndarray | None = None
    """Weight of each cluster in the end."""
    distances: np.ndarray | None = None
    """Weighted sum of the distances to each centre in the end, where it was asked for."""

    @property
    def sets(self) -> tuple[np.ndarray, ...]:
        """Centres to sweep with."""
        return (self.state.centers, *self.rivals)


@dataclass(frozen=True, slots=True)
class Progress:
    """What is known after a sweep."""

    frame: Frame
    tracks: tuple[Track, ...]
    sweeps: int
    """Sweeps over all rows so far."""
    moment: float = math.nan
    """Second moment of the rows about the shift."""
    variance: float = math.nan
    """Mean variance of the features."""
    sample: Sample | None = field(default=None, repr=False)
    """The first sample, as long as it is needed."""

    @property
    def done(self) -> bool:
        """Whether all is found."""
        return all(track.done for track in self.tracks)


def begin(frame: Frame, starts: Sequence[Start | np.ndarray], sample: Sample, ask: Ask) -> Progress:
    """What is known after the survey: centres to start from, sought on the sample or given."""
    tracks = tuple(
        Track(State(start if isinstance(start, np.ndarray) else best_start(sample, frame, start)))
        for start in starts
    )
    return _ended(Progress(frame, tracks, 1, sample=sample), ask)


def advance(progress: Progress, rows: Rows, ask: Ask) -> Progress:
    """One more sweep over all rows."""
    open_tracks = [track for track in progress.tracks if not track.done]
    first = math.isnan(progress.moment)
    rates = None
    if first and ask.method == "coreset" and not all(t.ending for t in open_tracks):
        rates = _rates(open_tracks, progress, ask)
    books = progress.frame.books(*(c for track in open_tracks for c in track.sets))
    ends = any(t.ending for t in open_tracks)
    measure: Measure = ask.measure if ends else "squared" if first else "none"
    seek = first and ask.method == "lloyd"
    runs = rows.sums(books, measure=measure, rates=rates, farthest=seek).runs
    sweeps = progress.sweeps + 1
    if not seek and any(run.empty.any() for run in runs):
        runs = rows.sums(books, measure=measure, rates=rates, farthest=True).runs
        sweeps += 1
    progress = replace(progress, sweeps=sweeps)
    if first:
        moment = second_moment(books.centers[0], runs[0], runs[0].inertia)
        variance = mean_variance(runs[0], moment)
        progress = replace(progress, moment=moment, variance=variance)
    found = iter(runs)
    tracks = []
    for track in progress.tracks:
        if track.done:
            tracks.append(track)
            continue
        own = [next(found) for _ in track.sets]
        how = {"measured": measure != "none", "first": first}
        tracks.append(_advanced(track, own, progress, ask, **how))
    return _ended(replace(progress, tracks=tuple(tracks), sample=None), ask)


def _ended(progress: Progress, ask: Ask) -> Progress:
    """Tracks that have no sweep left but the last one are to be measured by it."""
    if progress.sweeps + 1 < ask.max_sweeps:
        return progress
    ended = (t if t.done else _ending(t, progress.frame) for t in progress.tracks)
    return replace(progress, tracks=tuple(ended))


def _ending(track: Track, frame: Frame) -> Track:
    """The track with its centres as they will be given out, in the precision of the rows."""
    centers, *rivals = (frame.rounded(c) for c in track.sets)
    return Track(replace(track.state, centers=centers), tuple(rivals), ending=True)


def _advanced(
    track: Track, runs: list[Sums], progress: Progress, ask: Ask, *, measured: bool, first: bool
) -> Track:
    """A track after a sweep with its sets of centres."""
    inertias = [
        run.inertia if measured else inertia_of(centers, run, progress.moment)
        for centers, run in zip(track.sets, runs, strict=True)
    ]
    best = int(np.argmin(inertias))
    state = replace(track.state, centers=track.sets[best])
    sums, inertia = runs[best], inertias[best]
    if track.ending:
        occupied = len(state.centers) - int(sums.empty.sum())
        distances = sums.distance.value if ask.measure == "both" else None
        state = replace(state, inertia=inertia, occupied=occupied)
        return Track(state, done=True, weights=sums.weights, distances=distances)
    solver = Lloyd(ask.tol * progress.variance, ask.max_iter)
    state = solver.step(state, sums, inertia)
    logger.info("iteration %d: inertia %g, centres moved by %g", state.iteration, inertia,
                math.sqrt(state.moved))  # fmt: skip
    if measured and state.moved == 0 and ask.measure != "both":
        return Track(state, done=True)
    if first and ask.method == "coreset" and state.iteration < ask.max_iter:
        # Also where the centres rest already: what no sample saw does not move them.
        return Track(state, rivals=(_reclustered(state, sums, progress, ask),))
    return _ending(Track(state), progress.frame) if solver.terminate(state) else Track(state)


def _rates(tracks: list[Track], progress: Progress, ask: Ask) -> Rates:
    """Probabilities by which the first step draws about as many rows as the first sample has."""
    sample = progress.sample
    assert sample is not None
    rows = MemoryRows(sample.rows, sample.weights)
    frame = sample.frame(progress.frame)
    distance, cluster = [], []
    for track in tracks:
        sums = rows.sums(frame.books(track.state.centers), measure="squared").runs[0]
        cost, weights = sums.measure * sample.each, sums.weights * sample.each
        k = len(weights)
        distance.append(0.5 * ask.size / cost if cost > 0 else 0.0)
        share = 0.5 * ask.size / k
        cluster.append(np.where(weights > 0, share / np.where(weights > 0, weights, 1), 1.0))
    return Rates(ask.seed, tuple(distance), tuple(cluster))


def _reclustered(state: State, sums: Sums, progress: Progress, ask: Ask) -> np.ndarray:
    """Centres improved on both samples, each of which stands for half of all rows."""
    first, second = progress.sample, sums.draws
    assert first is not None
    if len(second.rows) == 0:
        return state.centers
    both = first.joined(Sample.of(second.rows, second.weights))
    return improved(both, state.centers, progress.frame, seed=ask.seed, max_iter=ask.max_iter)
