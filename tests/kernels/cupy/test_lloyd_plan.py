"""How kernels of k-means are specialised and started, and what a compiler for cards makes of it."""

import re
import shutil
import subprocess
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanwise.kernels.cupy.launch import options_of, text_of
from spanwise.kernels.cupy.lloyd_plan import (
    Form,
    Rows,
    Shape,
    Table,
    nearest_launch,
    sums_launch,
)
from spanwise.kernels.exact import grid_of
from spanwise.kernels.lloyd_engines import bound_of

COMPILER = shutil.which("nvcc")
SIZES = st.sampled_from([4, 8])
MANY = st.integers(1, 10**6)


@given(itemsize=SIZES, d=MANY, k=MANY, is_aligned=st.booleans())
def test_rows_and_centres_are_padded_to_whole_tiles(itemsize, d, k, is_aligned):
    shape = Shape.of(itemsize, d, k, is_aligned=is_aligned)
    assert 0 <= shape.depth - d < shape.step
    assert 0 <= shape.width - k < 8 * shape.columns
    assert d % shape.load == 0
    assert shape.load * itemsize in (itemsize, 16)
    assert shape.rows % 4 == 0
    # A thread loads as many numbers of the matrix as it is given, and rows in whole loads.
    assert (shape.columns * shape.step) % 16 == 0
    assert (shape.tile * shape.step // shape.load) % 128 == 0


@given(itemsize=SIZES, n=st.integers(1, 2**22), d=st.integers(1, 3000), k=st.integers(1, 10**5))
def test_every_feature_of_every_row_is_added_once(itemsize, n, d, k):
    shape = Shape.of(itemsize, d, k, is_aligned=True)
    grid = grid_of(np.ones(d), n, None, fine=itemsize == 8)
    table = Table(Form.of(grid), k, d)
    totals = SimpleTotals()
    rows = Rows(None, d, n)
    launch = sums_launch(itemsize, shape.load, rows, None, None, (), table, totals)
    slab, tiles, lanes, is_sorted = (int(a) for a in launch.arguments[7:11])
    assert launch.threads % lanes == 0
    assert lanes <= 32
    assert tiles * lanes * shape.load >= d > (tiles - 1) * lanes * shape.load
    assert launch.blocks == tiles * -(-n // slab) < 2**31
    # An entry has its place in 16 bits and its label in 16, and all fit in shared memory.
    assert not is_sorted or (slab <= 2**16 and k <= 2**16)
    assert launch.shared <= 48 * 1024


class SimpleTotals:
    """An array of which nobody asks more than for views."""

    def __getitem__(self, part):
        return self

    def view(self, dtype):
        return self


@given(n=st.integers(1, 2**40), processors=st.integers(1, 200))
def test_no_more_blocks_are_started_than_run_at_a_time(n, processors):
    device = SimpleNamespace(processors=processors)
    bound = bound_of(np.zeros((64, 16)), np.float32)
    shape = Shape.of(4, 16, 64, is_aligned=True)
    centers = (None, None, None)
    launch = nearest_launch(device, shape, Rows(None, 16, n), (0, 0), centers, bound, None, None)
    assert 1 <= launch.blocks <= 3 * processors
    assert launch.blocks <= -(-n // 128)


def sums_case(form, itemsize, load):
    rows = Rows(None, 8, 100)
    launch = sums_launch(itemsize, load, rows, None, None, (), Table(form, 4, 8), SimpleTotals())
    return "sums", launch.text, launch.defines, 1


def nearest_case(itemsize, k, *, is_aligned):
    shape = Shape.of(itemsize, 16, k, is_aligned=is_aligned)
    return "nearest", "lloyd_nearest", shape.defines, shape.resident


CASES = [
    nearest_case(4, 64, is_aligned=True),
    nearest_case(4, 64, is_aligned=False),
    nearest_case(4, 128, is_aligned=True),
    nearest_case(4, 32, is_aligned=True),
    nearest_case(8, 64, is_aligned=True),
    sums_case(Form(1), 4, 4),
    sums_case(Form(2, is_weighted=True, is_rounded=True), 4, 4),
    sums_case(Form(2, is_weighted=True), 8, 2),
]


@pytest.mark.skipif(COMPILER is None, reason="no nvcc")
@pytest.mark.parametrize(("kernel", "text", "defines", "resident"), CASES)
def test_kernels_for_cards_keep_their_numbers_in_registers(
    tmp_path, kernel, text, defines, resident
):
    """As many blocks of threads as they count on share the 65,536 registers of a processor."""
    source = tmp_path / "kernels.cu"
    source.write_text(text_of(text))
    how = ["-arch=sm_90", "-ftz=true", "-cubin", "-Xptxas", "-v", "-o", str(tmp_path / "out")]
    command = [COMPILER, *options_of(defines), *how, str(source)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    told = told[told.index(f"'{kernel}'") :]
    spilled = int(re.search(r"(\d+) bytes spill stores", told)[1])
    assert spilled <= 8  # a number or two, which no loop waits for
    registers = int(re.search(r"Used (\d+) registers", told)[1])
    threads = 128 if kernel == "nearest" else 256
    assert registers * threads * resident <= 65536
