import dataclasses
import importlib

import numpy as np
import pytest

import spanwise as sw
from spanwise.errors import ArrayTypeError
from spanwise.testing import ArrayBackend, HostFree
from spanwise.testing.cases import Case, all_cases
from spanwise.testing.support import SupportRow, measure_support, to_markdown

VALUES = np.arange(12.0).reshape(3, 4)
BACKENDS = [ArrayBackend(name) for name in ("numpy", "hostfree", "dask:numpy", "dask:hostfree")]


def verdicts(call, backends=BACKENDS, expected=VALUES * 2):
    rows = measure_support(backends, [Case("f", VALUES, (1,), call, expected)])
    return {(row.container, row.cut): row.verdict for row in rows}


def test_a_function_that_keeps_everything_is_supported_everywhere():
    assert verdicts(lambda x, _: x * 2) == {
        ("numpy", None): "yes",
        ("hostfree", None): "yes",
        ("dask:numpy", False): "lazy",
        ("dask:numpy", True): "lazy",
        ("dask:hostfree", False): "lazy",
        ("dask:hostfree", True): "lazy",
    }


def test_a_function_that_computes_is_found_out():
    assert set(verdicts(lambda x, _: x.compute() * 2, BACKENDS[2:]).values()) == {"computes"}


def test_a_wrong_answer_is_found_out():
    assert set(verdicts(lambda x, _: x * 3).values()) == {"wrong"}
    assert set(verdicts(lambda x, _: (x * 2).astype("c16")).values()) == {"wrong"}
    assert set(verdicts(lambda x, _: x[:2] * 2).values()) == {"wrong"}
    assert set(verdicts(lambda x, _: (x * 2, x)).values()) == {"wrong"}


def test_a_move_off_the_device_is_found_out():
    assert verdicts(lambda x, _: sw.to_host(x) * 2, BACKENDS[1:2]) == {("hostfree", None): "moved"}

    def through_the_host(x, _):
        return HostFree.copy_from_host(sw.to_host(x) * 2)

    assert verdicts(through_the_host, BACKENDS[1:2]) == {("hostfree", None): "moved"}


def test_a_chunk_library_that_is_declared_wrongly_is_found_out():
    def mislabelled(x, _):
        return x.map_blocks(lambda block: block * 2, meta=np.empty((0, 0)))

    assert set(verdicts(mislabelled, BACKENDS[3:]).values()) == {"moved"}


def test_a_refusal_is_quoted():
    def refuse(x, _):
        raise ArrayTypeError("not this one\nand more")

    rows = measure_support(BACKENDS[:2], [Case("f", VALUES, (1,), refuse, VALUES)])
    assert [row.verdict for row in rows] == ["no", "no"]
    text = to_markdown(rows)
    assert "| `f` | no (1) | no (1) |" in text
    assert "1. ArrayTypeError: not this one\n" in text + "\n"


def test_the_table_has_a_line_for_each_function_and_a_column_for_each_container():
    row = SupportRow("f", "numpy", None, True, False, True, True)
    rows = [
        row,
        dataclasses.replace(row, container="dask:hostfree", cut=True, lazy=True),
        dataclasses.replace(row, function="g"),
    ]
    assert to_markdown(rows).splitlines()[:4] == [
        "| function | NumPy | Dask of HostFree, cut |",
        "| --- | --- | --- |",
        "| `f` | yes | lazy |",
        "| `g` | yes |  |",
    ]


CASES = {case.function: case for case in all_cases()}
COMPUTING = {"cluster.vq.kmeans", "cluster.KMeans.fit", "cluster.KMeans.fit_predict"}
COMPUTING |= {"cluster.KMeans.score", "cluster.vq.kmeans2", "cluster.kmeans_sweep"}


OF_NO_ARRAY = {"fft.fhtoffset", "fft.next_fast_len", "fft.prev_fast_len", "fft.register_kernel"}
OF_NO_ARRAY |= {"signal.isotropic_bins"}


def test_every_public_function_of_arrays_has_a_case():
    for module in ("fft", "signal", "cluster.vq"):
        functions = importlib.import_module(f"spanwise.{module}")
        names = [n for n in functions.__all__ if not isinstance(getattr(functions, n), type)]
        assert {f"{module}.{name}" for name in names} - OF_NO_ARRAY <= set(CASES)


@pytest.mark.parametrize("function", CASES)
def test_every_function_is_served_on_every_container(function, xp):
    rows = measure_support([xp], [CASES[function]])
    lazy = "computes" if function in COMPUTING else "lazy"
    assert {row.verdict for row in rows} <= {lazy if xp.is_lazy else "yes"}, rows
