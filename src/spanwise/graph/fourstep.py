"""Plans the transform of an axis that no chunk may hold whole, in four steps.

The axis of n = P m points is a P x m matrix (:mod:`spanwise.kernels.fourstep`)::

    natural chunks --exchange--> slabs: transform columns, multiply by twiddle factors
                   --exchange--> rows: transform; chunk k1 of P holds X[k1::P], decimated order
                  (--exchange--> natural chunks, where natural order is wanted)

and backwards for transforms that take half a spectrum or decimated input. Real input needs the
rows 0 ... P/2 only; the others are their mirror images.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from ..errors import ArgumentError
from ..kernels import fourstep as kernels
from ..kernels.fft import flops
from ..kernels.kernel import Kernel
from ..kernels.transforms import TRANSFORMS
from ..machine import Machine
from .exchange import plan_exchange, regular
from .grid import ArraySpec, Overlap, edges, runs
from .layout import TASK_SCALE, Layout, choose_layout, residue_runs, slab_widths, with_source
from .request import Request, State
from .stages import Fill, Reflection, Stage, Work, held_before

_REAL_COLUMNS = {"fft": "rfft", "ifft": "ihfft", "rfft": "rfft", "ihfft": "ihfft"}
_COMPLEX = {"rfft": "fft", "ihfft": "ifft", "irfft": "ifft", "hfft": "fft"}


def take(state: State, axis: int, request: Request, machine: Machine, limit: int) -> str | None:
    """Plan the four steps of an axis; advances the state. A reason if that cannot be done."""
    kind = request.kind if axis == request.half_axis else request.transform.rest
    if kind not in _REAL_COLUMNS and kind not in _COMPLEX:
        return f"{kind} has none"
    layout = choose_layout(state.spec, axis, request.points[axis], machine, limit)
    if isinstance(layout, str):
        return layout
    run = _Steps(state, request, machine, layout)
    if TRANSFORMS[kind].half == "in":
        run.rows_of_half_spectrum(kind)
        run.columns_back(kind)
        run.to_natural_rows()
    else:
        run.decimated(kind, fill=request.order != "rows")
        if request.order == "natural":
            run.to_natural()
    state.pending.remove(axis)
    return None


def take_decimated(state: State, request: Request, machine: Machine) -> None:
    """Plan a transform whose input is in decimated order; advances the state.

    Only transforms back from a spectrum take such input, and an axis of one chunk is in natural
    order as well.
    """
    kind = request.kind
    if kind not in ("ifft", "irfft", "hfft") or len(request.axes) != 1:
        return
    (axis,), (n,) = request.axes, request.lengths
    chunks = state.spec.chunks[axis]
    blocks = len(chunks)
    if blocks == 1:
        return
    limit = max(1, machine.memory // (2 * machine.threads))
    if request.order == "rows":
        blocks = n // chunks[0]
        slabs = slab_widths(state.spec, axis, n, blocks, machine, limit)
        run = _Steps(state, request, machine, Layout(axis, n, blocks, slabs))
        run.rows_as_they_are(kind)
        run.columns_back(kind)
        run.to_natural_rows()
        state.pending.remove(axis)
        return
    layout = Layout(axis, n, blocks, ())
    is_half = kind != "ifft"
    lengths = tuple(layout.direct(k) if is_half else layout.row for k in range(blocks))
    if n % blocks or chunks != lengths:
        raise ArgumentError(
            f"order='decimated': axis {axis} of x has the chunks {chunks}, but in decimated order "
            f"{blocks} chunks of the {n} points of {request.operation} are of the lengths "
            f"{lengths if n % blocks == 0 else 'n / P each'}: chunk k of P holds every P-th point "
            f"from k on. Pass what order='decimated' gave out, in its chunks (and n= if it was odd)"
        )
    slabs = slab_widths(state.spec, axis, n, blocks, machine, limit)
    run = _Steps(state, request, machine, Layout(axis, n, blocks, slabs))
    run.rows_decimated(kind)
    run.columns_back(kind)
    run.to_natural_rows()
    state.pending.remove(axis)


class _Steps:
    """Appends the stages of one axis to the planner's state."""

    def __init__(self, state: State, request: Request, machine: Machine, layout: Layout) -> None:
        self.state = state
        self.request = request
        self.machine = machine
        self.layout = layout

    def decimated(self, kind: str, *, fill: bool) -> None:
        """Forward: columns, rows, and the rows that real input leaves to symmetry."""
        layout = self.layout
        is_real = not self.state.spec.dtype.startswith("complex")
        columns = _REAL_COLUMNS[kind] if is_real else kind
        self._columns(columns)
        rest = _COMPLEX.get(kind, kind)
        count = layout.blocks // 2 + 1 if TRANSFORMS[columns].half else layout.blocks
        bounds = self._slab_rows(count)
        work = Work(
            TRANSFORMS[rest].kernel,
            (
                ("kind", rest),
                ("axes", (layout.axis,)),
                ("lengths", (layout.row,)),
                ("norm", self.request.norm),
                *self.request.options,
            ),
            flops=flops((layout.row,), layout.n, real=is_real),
        )
        self._exchange((layout.row,) * count, bounds, ("rows", layout), work, "rows")
        if is_real and fill:
            self._fill(half=kind in ("rfft", "ihfft"))

    def _columns(self, kind: str) -> None:
        """Exchange to slabs, transform their columns."""
        layout = self.layout
        m, blocks = layout.row, layout.blocks
        bounds = edges(self.state.spec.chunks[layout.axis])
        if bounds[-1] > layout.n:  # cropped
            bounds = (*(b for b in bounds if b < layout.n), layout.n)
        firsts = edges(layout.slabs)
        rows = tuple(
            with_source(runs(bounds, ((j * m + c, j * m + d) for j in range(blocks))))
            for c, d in pairwise(firsts)
        )
        out = blocks // 2 + 1 if TRANSFORMS[kind].half else blocks
        work = self._work(
            kernels.columns,
            flops((blocks,), layout.n, real=out < blocks),
            numbers=firsts[:-1],
            kind=kind,
            rows=blocks,
            n=layout.n,
        )
        gathered = tuple(blocks * w for w in layout.slabs)
        result = tuple(out * w for w in layout.slabs)
        self._exchange(gathered, rows, ("slabs", layout), work, "columns", result, kind)

    def rows_decimated(self, kind: str) -> None:
        """Transform the rows of decimated input."""
        layout = self.layout
        if kind == "ifft":
            self.rows_as_they_are(kind)
            return
        count = layout.blocks // 2 + 1
        rows = []
        for k in range(count):
            direct = layout.direct(k)
            parts = [Overlap(k, 0, direct)]
            if layout.row > direct:
                first = 0 if k else 1
                parts.append(
                    Overlap((layout.blocks - k) % layout.blocks, first, first + layout.row - direct)
                )
            rows.append(tuple(parts))
        work = self._rows_work(_COMPLEX[kind], count, direct=layout.blocks)
        chunks = (layout.row,) * count
        self._exchange(chunks, tuple(rows), ("half rows", layout), work, "rows", chunks, "fft")

    def rows_as_they_are(self, kind: str) -> None:
        """Transform rows that are whole, each in its chunk."""
        chunks = self.state.spec.chunks[self.layout.axis]
        work = self._rows_work(_COMPLEX.get(kind, kind), len(chunks))
        self._put(self._spec(chunks, "fft"), work, "rows")

    def rows_of_half_spectrum(self, kind: str) -> None:
        """Sort the points of each chunk, exchange to rows, transform them."""
        layout = self.layout
        spec = self.state.spec
        bounds = edges(spec.chunks[layout.axis])
        sort = self._work(kernels.deinterleave, 0.0, numbers=bounds[:-1], blocks=layout.blocks)
        self._put(spec, sort, "sorts points by residue")
        available = min(bounds[-1], layout.half)
        count = layout.blocks // 2 + 1
        rows = []
        for k in range(count):
            direct = layout.direct(k)
            first = 0 if k else 1
            other = (layout.blocks - k) % layout.blocks
            parts = self._half_row(bounds, k, 0, direct, available)
            parts += self._half_row(bounds, other, first, first + layout.row - direct, available)
            rows.append(with_source(parts))
        work = self._rows_work(_COMPLEX[kind], count, direct=layout.blocks)
        chunks = (layout.row,) * count
        self._exchange(chunks, tuple(rows), ("sorted rows", layout), work, "rows", chunks, "fft")

    def _half_row(
        self, bounds: Sequence[int], residue: int, begin: int, stop: int, available: int
    ) -> tuple[Overlap, ...]:
        """Points of one residue; what lies behind the points that count is zero."""
        blocks = self.layout.blocks
        inside = max(begin, min(stop, -(-(available - residue) // blocks)))
        parts = residue_runs(bounds, blocks, residue, begin, inside) if inside > begin else ()
        return (*parts, Overlap(-1, 0, stop - inside)) if stop > inside else parts

    def columns_back(self, kind: str) -> None:
        """Exchange rows to slabs, transform their columns to natural order."""
        layout = self.layout
        count = layout.blocks // 2 + 1 if kind != "ifft" else layout.blocks
        firsts = edges(layout.slabs)
        rows = tuple(tuple(Overlap(k, c, d) for k in range(count)) for c, d in pairwise(firsts))
        work = self._work(
            kernels.back,
            flops((layout.blocks,), layout.n, real=kind != "ifft"),
            kind=kind,
            rows=count,
            points=layout.blocks,
        )
        gathered = tuple(count * w for w in layout.slabs)
        result = tuple(layout.blocks * w for w in layout.slabs)
        self._exchange(gathered, rows, ("slabs back", layout), work, "columns", result, kind)

    def to_natural_rows(self) -> None:
        """Exchange slabs to chunks of m points each, in natural order."""
        layout = self.layout
        rows = self._slab_rows(layout.blocks)
        self._exchange((layout.row,) * layout.blocks, rows, ("rows", layout), None, "natural order")

    def to_natural(self) -> None:
        """Exchange decimated chunks to natural ones, whose points are then interleaved."""
        layout = self.layout
        held = self.state.spec.chunks[layout.axis]
        length, blocks = sum(held), layout.blocks
        runs_each = max(1, -(-length // (blocks * len(layout.slabs))))
        chunks = regular(length, blocks * runs_each)
        rows = []
        for a, size in zip(edges(chunks)[:-1], chunks, strict=True):
            counts = (-(-(size - k) // blocks) for k in range(min(blocks, size)))
            first = a // blocks
            rows.append(tuple(Overlap(k, first, first + c) for k, c in enumerate(counts)))
        work = self._work(kernels.interleave, 0.0, blocks=blocks)
        self._exchange(chunks, tuple(rows), ("natural", layout), work, "natural order")

    def _fill(self, *, half: bool) -> None:
        """All rows from the rows 0 ... P/2, or their points below n/2 + 1."""
        layout = self.layout
        m = layout.row
        chunks = []
        for k in range(layout.blocks):
            length = layout.direct(k) if half else m
            if k <= layout.blocks // 2:
                chunks.append(Reflection(k, 0, length, False))
            else:
                # X[k + P i] = conj(X[(P - k) + P (m - 1 - i)])
                chunks.append(Reflection(layout.blocks - k, m - length, m, True))
        spec = self.state.spec
        result = list(spec.chunks)
        result[layout.axis] = tuple(c.stop - c.start for c in chunks)
        filled = spec.with_chunks(tuple(result))
        self.state.put(Fill(spec, filled, layout.axis, (), tuple(chunks)))

    def _slab_rows(self, count: int) -> tuple[tuple[Overlap, ...], ...]:
        """Each row from its run in every slab."""
        return tuple(
            tuple(Overlap(t, k * w, (k + 1) * w) for t, w in enumerate(self.layout.slabs))
            for k in range(count)
        )

    def _rows_work(self, kind: str, count: int, **params: object) -> Work:
        layout = self.layout
        points = count * layout.row
        return self._work(
            kernels.rows,
            flops((layout.row,), points, real=False),
            numbers=tuple(range(count)),
            kind=kind,
            n=layout.n,
            **params,
        )

    def _work(
        self,
        kernel: Kernel,
        operations: float,
        numbers: tuple[int, ...] | None = None,
        **params: object,
    ) -> Work:
        axis = self.layout.axis
        pairs: dict[str, object] = {"axis": axis, **params}
        if "kind" in params:
            pairs |= {"norm": self.request.norm, **dict(self.request.options)}
        located = () if numbers is None else ((axis, numbers),)
        return Work(kernel, tuple(pairs.items()), located, operations)

    def _spec(self, chunks: tuple[int, ...], kind: str | None) -> ArraySpec:
        """The array with other chunks on the axis, after a transform of a kind."""
        spec = self.state.spec
        new = list(spec.chunks)
        new[self.layout.axis] = chunks
        if kind is None:
            return spec.with_chunks(tuple(new))
        dtype = TRANSFORMS[kind].result_dtype(spec.dtype)
        return ArraySpec(tuple(new), str(dtype), dtype.itemsize, spec.library)

    def _put(self, result: ArraySpec, work: Work, reason: str) -> None:
        self.state.put(Stage(self.state.spec, result, None, work, f"four steps: {reason}"))

    def _exchange(
        self,
        gathered: tuple[int, ...],
        rows: tuple[tuple[Overlap, ...], ...],
        layout: tuple[object, ...],
        work: Work | None,
        reason: str,
        result: tuple[int, ...] | None = None,
        kind: str | None = None,
    ) -> None:
        """An exchange on the axis and the kernel behind it."""
        spec = self.state.spec
        axis = self.layout.axis
        target = self._spec(gathered, None)
        whole = tuple(
            rows if a == axis else tuple((Overlap(i, 0, c),) for i, c in enumerate(chunks))
            for a, chunks in enumerate(spec.chunks)
        )
        how = plan_exchange(
            spec,
            target.chunks,
            self.machine,
            task_bytes=TASK_SCALE * target.chunk_bytes,
            rows=whole,
            layout=layout,
            beside=held_before(self.state.stages, self.machine),
        )
        final = target if work is None else self._spec(result or gathered, kind)
        self.state.put(Stage(spec, final, how, work, f"four steps: {reason}"))
