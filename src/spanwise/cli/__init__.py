"""The command ``spanwise``, mounted as ``dask spanwise`` as well.

Importing it is quick: what a command needs is imported when the command runs.
"""

from __future__ import annotations

from typing import Any

import click

from .._version import __version__
from ..errors import SpanwiseError
from .commands import calibrate, demo, doctor, fft, kmeans, power_spectrum
from .parameters import PLAN_ONLY, WithExamples, debug_option

__all__ = ["main"]


class _Failure(click.ClickException):
    """What could not be done, in one line."""

    exit_code = 2


class _Group(WithExamples, click.Group):
    """A group that says in one line what went wrong."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (SpanwiseError, OSError) as error:
            if ctx.meta.get("spanwise.debug"):
                raise
            raise _Failure(" ".join(str(error).split())) from error


@click.group(
    "spanwise",
    cls=_Group,
    context_settings={"help_option_names": ["-h", "--help"]},
    examples="""
    spanwise demo
    spanwise fft sst.nc:sst spectrum.zarr --dim time
    spanwise power-spectrum sst.zarr power.zarr --dim latitude --dim longitude
    spanwise kmeans sst.zarr regimes.zarr -k 8 --sample-dim time
    spanwise plan kmeans sst.zarr regimes.zarr -k 8 --sample-dim time
    spanwise calibrate
    spanwise doctor
    """,
)
@click.version_option(__version__, package_name="spanwise")
@debug_option
def main() -> None:
    """Fourier transforms, spectra and k-means of arrays that do not fit into memory."""


@click.group(
    "plan",
    cls=_Group,
    examples="""
    spanwise plan fft sst.nc:sst spectrum.zarr --dim time --memory 512MiB
    spanwise plan demo --size 20GiB --memory 1GiB
    """,
)
@click.pass_context
def plan(ctx: click.Context) -> None:
    """Say what a command would cost; run nothing, write nothing.

    Takes the command with all its arguments and prints the steps, tasks, passes over the data,
    bytes read, written and moved, peak memory and device.
    """
    ctx.meta[PLAN_ONLY] = True


for _command in (fft, power_spectrum, kmeans, demo):
    main.add_command(_command)
    plan.add_command(_command)
main.add_command(plan)
main.add_command(calibrate)
main.add_command(doctor)
