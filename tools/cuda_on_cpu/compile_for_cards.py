"""Compiles by NVIDIA's own NVRTC, for cards, the kernels that have run on the emulated one.

compile_for_cards.py LIBNVRTC KERNELS [EVERY]: LIBNVRTC is a libnvrtc.so (of the wheel
nvidia-cuda-nvrtc, or of a toolkit), KERNELS the folder `kernels` of what was built; EVERY 10 takes
a tenth of them. No card is needed.
"""

import ctypes
import sys
from pathlib import Path

OPTION = "//option "


def compiled(library: ctypes.CDLL, source: str, options: list[str]) -> tuple[bool, str]:
    """Whether NVRTC takes the source, and its log."""
    program, size = ctypes.c_void_p(), ctypes.c_size_t()
    library.nvrtcCreateProgram(ctypes.byref(program), source.encode(), b"kernel.cu", 0, None, None)
    given = (ctypes.c_char_p * len(options))(*(option.encode() for option in options))
    error = library.nvrtcCompileProgram(program, len(options), given)
    library.nvrtcGetProgramLogSize(program, ctypes.byref(size))
    log = ctypes.create_string_buffer(size.value)
    library.nvrtcGetProgramLog(program, log)
    library.nvrtcDestroyProgram(ctypes.byref(program))
    return error == 0, log.value.decode()


def main(library: str, kernels: str, every: str = "1") -> int:
    """Prints what failed; 1 if anything did."""
    nvrtc = ctypes.CDLL(library)
    files = sorted(Path(kernels).glob("*.cu"))[:: int(every)]
    failed = 0
    for file in files:
        lines = file.read_text().splitlines()
        options = [line.removeprefix(OPTION) for line in lines if line.startswith(OPTION)]
        good, log = compiled(nvrtc, "\n".join(lines), options)
        if not good or "warning" in log:
            print(file.name, log[:800])
        failed += not good
    print(f"{len(files) - failed} of {len(files)} kernels compiled")
    return 1 if failed or not files else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
