"""The commands: read what xarray opens, plan, run with a progress bar, write a store."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import ArgumentError
from .parameters import (
    BYTES,
    PLAN_ONLY,
    Common,
    WithExamples,
    common_options,
    debug_option,
    transform_options,
)

if TYPE_CHECKING:
    import xarray as xr

_IN = click.argument("source", metavar="IN[:VAR]")
_OUT = click.argument("target", metavar="OUT.zarr")


@click.command(
    "fft",
    cls=WithExamples,
    examples="""
    spanwise fft sst.nc:sst spectrum.zarr --dim time --spacing-tol 0.1
    spanwise fft sst.zarr waves.zarr --dim latitude --dim longitude --half --memory 512MiB
    """,
)
@_IN
@_OUT
@transform_options
@common_options
def fft(
    source: str,
    target: str,
    dims: tuple[str, ...],
    half: bool,
    spacing_tol: float,
    common: Common,
) -> None:
    """Fourier transform of IN along one or more dimensions, whether they are cut or not.

    IN is anything xarray opens: a Zarr store, a NetCDF file, a URL. OUT.zarr gets complex values
    over the frequencies freq_NAME, in cycles per unit of the coordinate (of times: per second).
    """

    def build(x: xr.DataArray) -> Any:
        transform = x.spanwise.fft.rfft if half else x.spanwise.fft.fft
        return transform(dim=dims, spacing_tol=spacing_tol)

    _carry_out(source, target, dims, common, build)


@click.command(
    "power-spectrum",
    cls=WithExamples,
    examples="""
    spanwise power-spectrum sst.zarr power.zarr --dim time --half --spacing-tol 0.1
    spanwise power-spectrum sst.nc:sst power.zarr --dim latitude --dim longitude --overwrite
    """,
)
@_IN
@_OUT
@transform_options
@common_options
def power_spectrum(
    source: str,
    target: str,
    dims: tuple[str, ...],
    half: bool,
    spacing_tol: float,
    common: Common,
) -> None:
    """Power spectral density of IN along one or more dimensions, whether they are cut or not.

    OUT.zarr gets the density over the frequencies freq_NAME, in cycles per unit of the coordinate;
    its integral is the mean of the squares of the data.
    """

    def build(x: xr.DataArray) -> Any:
        real_dim = dims[-1] if half else None
        return x.spanwise.signal.power_spectrum(
            dim=dims, real_dim=real_dim, spacing_tol=spacing_tol
        )

    _carry_out(source, target, dims, common, build)


@click.command(
    "kmeans",
    cls=WithExamples,
    examples="""
    spanwise kmeans sst.zarr regimes.zarr -k 8 --sample-dim time
    spanwise kmeans climatology.zarr provinces.zarr -k 6 --feature-dim month
    """,
)
@_IN
@_OUT
@click.option("-k", "k", type=click.IntRange(min=1), required=True, help="Number of clusters.")
@click.option("--sample-dim", metavar="NAME", help="Each point of this dimension is one sample.")
@click.option("--feature-dim", metavar="NAME", help="This dimension holds the features.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the first centres.")
@common_options
def kmeans(
    source: str,
    target: str,
    k: int,
    sample_dim: str | None,
    feature_dim: str | None,
    seed: int,
    common: Common,
) -> None:
    """Cluster IN by k-means; exactly one of --sample-dim and --feature-dim says how.

    --sample-dim time: each time is a sample, all grid points are its features (regimes).
    --feature-dim month: each grid point is a sample, the months are its features (provinces).
    Samples with NaN are left out and get the label -1.
    """
    if (sample_dim is None) == (feature_dim is None):
        raise ArgumentError("give exactly one of --sample-dim and --feature-dim")
    how = {"sample_dim": sample_dim, "feature_dim": feature_dim}
    dims = tuple(dim for dim in how.values() if dim is not None)

    def build(x: xr.DataArray) -> Any:
        return x.spanwise.cluster.kmeans(k, **how, random_state=seed)

    def forecast(x: xr.DataArray) -> Any:
        from ..forecast import explain_kmeans

        return explain_kmeans(x, k, **how)

    _carry_out(source, target, dims, common, build, forecast)


@click.command(
    "demo",
    cls=WithExamples,
    examples="""
    spanwise demo
    spanwise demo --size 8GiB --memory 1GiB --workers 4 --out /scratch/demo
    spanwise demo --cluster distributed
    """,
)
@click.option("--size", type=BYTES, default="2GiB", show_default=True, help="Bytes of the data.")
@click.option(
    "--memory", type=BYTES, default="512MiB", show_default=True, help="Budget of all workers."
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    help="Tasks that run at a time.",
)
@click.option(
    "--cluster",
    type=click.Choice(["threads", "distributed"]),
    default="threads",
    show_default=True,
    help="Threads of this process, or processes of a local cluster.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default="spanwise-demo",
    show_default=True,
    help="Folder for all that is written.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of noise and k-means.")
@debug_option
@click.pass_context
def demo(ctx: click.Context, **given: Any) -> None:
    """A dataset larger than its memory, through FFT and k-means.

    Extends real sea-surface temperatures beyond the memory budget, smooths their anomalies in
    space by FFT, takes their power spectrum along the chunked time axis, finds provinces by
    k-means, and reports speed and memory against the plan. Takes about a minute and three times
    --size of disk.
    """
    from ..demo.run import plan, planned_sst, run
    from ..demo.workplace import Settings, planned_workplace, return_freed_memory

    settings = Settings(**given)
    if ctx.meta.get(PLAN_ONLY):
        with planned_workplace(settings):
            for name, explanation in plan(planned_sst(settings)).items():
                click.echo(f"{name}\n{explanation}\n")
        return
    return_freed_memory()
    click.echo(f"\nlook at {run(settings, click.echo)}")


@click.command(
    "doctor",
    cls=WithExamples,
    examples="""
    spanwise doctor
    OMP_NUM_THREADS=1 spanwise doctor
    """,
)
@debug_option
def doctor() -> None:
    """Versions, array libraries, devices, threads, allocator and BLAS settings, with advice."""
    from .doctor import examine, report

    click.echo(report(examine()))


@click.command(
    "calibrate",
    cls=WithExamples,
    examples="""
    spanwise calibrate
    spanwise calibrate --no-save
    spanwise calibrate --scheduler tcp://127.0.0.1:8786
    """,
)
@click.option("--save/--no-save", default=True, show_default=True, help="Keep the rates.")
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Measure one worker of each kind of this Dask cluster instead of this machine.",
)
@click.option(
    "--device",
    type=click.Choice(["cupy", "hostfree"]),
    help="Library of the device; hostfree stands in for a GPU.  [default: CuPy, if there is a GPU]",
)
@debug_option
def calibrate(save: bool, scheduler: str | None, device: str | None) -> None:
    """Measure kernels, memory, device and temporary store of this machine.

    Takes 10 to 20 seconds, half as many more with a device, in which nothing else should run. The
    rates choose the fastest FFT kernel (option fft_kernel), price the steps of plans, and tell
    placement "cost" what to move to a device.
    """
    from .. import calibration, rates
    from .doctor import Finding, rate_findings, report, table_findings

    with ExitStack() as stack:
        client = None
        if scheduler is not None:
            from distributed import Client

            client = stack.enter_context(Client(scheduler, set_as_default=False, timeout=10))
        found = calibration.calibrate(save=save, client=client, device=device)
    measured = [] if found.machine is None else list(rate_findings(found.machine))
    kept = Finding("kept in", str(rates.path())) if save else Finding("kept", "no (--no-save)")
    title = "rates of this machine" if scheduler is None else f"rates of the workers of {scheduler}"
    click.echo(report({title: [*measured, *table_findings(found.table), kept]}, verdict=False))


def _carry_out(
    source: str,
    target: str,
    dims: tuple[str, ...],
    common: Common,
    build: Callable[[xr.DataArray], Any],
    forecast: Callable[[xr.DataArray], Any] | None = None,
) -> None:
    """Open, plan, and unless only the plan is asked for, run and write."""
    import spanwise.xarray  # noqa: F401  (registers the accessor)

    from ..files import check_output, new_store, open_variable, write_lazily
    from ..machine import format_bytes
    from ..progress import compute
    from ..schedulers.explain import explain

    if not common.plan_only:
        check_output(target, overwrite=common.overwrite)
    with common.in_force():
        data = open_variable(source, dims=dims, chunks=common.chunks)
        if common.plan_only:
            click.echo(forecast(data) if forecast else explain(build(data)))
            return
        start = time.perf_counter()
        with new_store(target, overwrite=common.overwrite) as partial:
            compute(write_lazily(build(data), partial))
    seconds = time.perf_counter() - start
    rate = data.nbytes / seconds / 1e9
    click.echo(f"{target}: {format_bytes(data.nbytes)} in {seconds:.1f} s, {rate:.2f} GB/s")
