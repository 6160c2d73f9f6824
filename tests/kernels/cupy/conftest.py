"""A device that runs the kernels in CUDA C++ on the host, compiled as C++."""

import ctypes
import functools
import itertools
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from spanwise.kernels.cupy.launch import options_of, text_of

HEADER = Path(__file__).with_name("cuda_on_host.h")
COMPILER = shutil.which("g++")
FLAGS = ("-O1", "-fPIC", "-shared", "-ffp-contract=off", "-fno-strict-aliasing", "-fno-math-errno")
_ENTRY = """
#define WHERE blocks, threads, seed, arguments
extern "C" int run(const char *name, unsigned blocks, unsigned threads, unsigned seed,
                   void **arguments)"""
_NAME = re.compile(r'extern "C" __global__ void __launch_bounds__\([^)]*\) (\w+)\(')


def compiled(text, defines, folder):
    """The kernels of a text as a library of the host."""
    source = text_of(text).replace("extern __shared__", "extern")
    names = _NAME.findall(source)
    starts = "".join(f'if (!strcmp(name, "{name}")) return start({name}, WHERE);' for name in names)
    entry = f"{_ENTRY} {{ {starts} return 2; }}"
    stem = "_".join([text, *(str(value) for _, value in defines)])
    file, library = folder / f"{stem}.cpp", folder / f"{stem}.so"
    file.write_text(f'#include "{HEADER}"\n{source}\n{entry}')
    command = [COMPILER, *options_of(defines), *FLAGS, str(file), "-o", str(library)]
    subprocess.run(command, check=True)
    return ctypes.CDLL(str(library))


class HostDevice:
    """Stands in for CuPy's device: arrays are NumPy's, and kernels run as C++."""

    processors = 1

    def __init__(self, folder):
        self.launches = []
        self.seeds = itertools.count()
        self._compiled = functools.cache(lambda *what: compiled(*what, folder))

    def launch(self, what):
        self.launches.append(what)
        values = [
            np.array(np.uint64(a.ctypes.data) if isinstance(a, np.ndarray) else a)
            for a in what.arguments
        ]
        pointers = (ctypes.c_void_p * len(values))(*(value.ctypes.data for value in values))
        assert what.shared <= 48 * 1024
        library = self._compiled(what.text, what.defines)
        sizes = (what.blocks, what.threads, next(self.seeds) % 1000)
        assert library.run(what.kernel.encode(), *sizes, pointers) == 0, f"{what.kernel} hangs"

    def address(self, x):
        return x.ctypes.data


@pytest.fixture(scope="session")
def host_device(tmp_path_factory):
    if COMPILER is None:
        pytest.skip("no C++ compiler")
    return HostDevice(tmp_path_factory.mktemp("kernels"))
