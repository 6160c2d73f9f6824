"""Options that the commands share, and their types."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import click

from ..errors import ArgumentError
from ..machine import parse_bytes

PLAN_ONLY = "spanwise.plan-only"
"""Key of the context's ``meta`` under which ``spanwise plan`` says that nothing is to run."""
_LARGEST_AUTO_CHUNK = 128 * 2**20


class WithExamples(click.Command):
    """A command whose help ends with examples, given as a text of one command per line."""

    def __init__(self, *args: Any, examples: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = [line.strip() for line in examples.strip().splitlines()]

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples at the end of the help."""
        super().format_epilog(ctx, formatter)
        if self.examples:
            with formatter.section("Examples"):
                for line in self.examples:
                    formatter.write(f"  {line}\n")


class _Bytes(click.ParamType):
    """An amount of memory, such as ``512MiB``."""

    name = "bytes"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        try:
            return parse_bytes(value)
        except ArgumentError:
            self.fail(f"{value!r} is not an amount of memory; write for example 512MiB", param, ctx)


class _Chunks(click.ParamType):
    """``auto``, or lengths per dimension such as ``time=100,latitude=-1``."""

    name = "dim=length,..."

    def convert(self, value: Any, param: Any, ctx: Any) -> dict[str, int] | str:
        if value == "auto" or isinstance(value, dict):
            return value
        lengths = {}
        for part in value.split(","):
            dim, equals, length = part.partition("=")
            if not equals or not dim.strip() or not length.strip().lstrip("-").isdigit():
                self.fail(f"{value!r}: write for example time=100,latitude=-1, or auto", param, ctx)
            lengths[dim.strip()] = int(length)
        return lengths


BYTES = _Bytes()
CHUNKS = _Chunks()


@dataclass(frozen=True, slots=True)
class Common:
    """What every job is told beside its own arguments."""

    memory: int | None
    """Budget of the process in bytes."""
    workers: int | None
    """Tasks that run at a time."""
    overwrite: bool
    """Whether a store that exists is replaced."""
    chunks: dict[str, int] | str
    """Chunks to read the input in."""
    plan_only: bool
    """Whether nothing is to run."""

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """Dask's threads and spanwise's options as asked for."""
        import dask

        from ..options import machine, set_options

        with ExitStack() as stack:
            stack.enter_context(dask.config.set(scheduler="threads", num_workers=self.workers))
            if self.memory is not None:
                stack.enter_context(set_options(memory=self.memory))
            here = machine()
            chunk = min(here.memory // (8 * here.threads), _LARGEST_AUTO_CHUNK)
            stack.enter_context(dask.config.set({"array.chunk-size": max(chunk, 2**20)}))
            yield


def _remember_debug(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        ctx.meta["spanwise.debug"] = True


debug_option = click.option(
    "--debug",
    is_flag=True,
    expose_value=False,
    callback=_remember_debug,
    help="Show the traceback of an error.",
)


def transform_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of the transforms: ``dims``, ``half`` and ``spacing_tol``."""
    for option in (
        click.option(
            "--spacing-tol",
            type=click.FloatRange(min=0),
            default=1e-3,
            show_default=True,
            help="How uneven steps may be that count as even; calendar months need 0.1.",
        ),
        click.option(
            "--half",
            is_flag=True,
            help="Real data: only the non-negative frequencies of the last --dim.",
        ),
        click.option(
            "--dim",
            "dims",
            multiple=True,
            required=True,
            metavar="NAME",
            help="Dimension to transform; repeat for several.",
        ),
    ):
        command = option(command)
    return command


def common_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that every job takes; the command gets them as one `Common`."""

    @click.option(
        "--memory",
        type=BYTES,
        help="Budget, for example 512MiB.  [default: a share of this machine's memory]",
    )
    @click.option(
        "--workers",
        type=click.IntRange(min=1),
        help="Tasks that run at a time.  [default: one per core]",
    )
    @click.option("--overwrite", is_flag=True, help="Replace OUT if it is there.")
    @click.option(
        "--chunks",
        type=CHUNKS,
        default="auto",
        show_default=True,
        help="Chunks to read IN in, for example time=100,latitude=-1.",
    )
    @debug_option
    @click.pass_context
    @functools.wraps(command)
    def wrapped(
        ctx: click.Context,
        *args: Any,
        memory: int | None,
        workers: int | None,
        overwrite: bool,
        chunks: dict[str, int] | str,
        **kwargs: Any,
    ) -> None:
        common = Common(memory, workers, overwrite, chunks, ctx.meta.get(PLAN_ONLY, False))
        command(*args, common=common, **kwargs)

    return wrapped
