"""Prints C functions that refuse: what CuPy's modules want of a library and its emulation lacks.

refusals.py CODE PREFIX "OBJECT ..." MODULE ...: each returns CODE, the library's "not supported",
and says its name.
"""

import re
import subprocess
import sys


def symbols(files: list[str], prefix: str, kind: str) -> set[str]:
    """Names with the prefix that the files have as symbols of a kind, as `nm` writes it."""
    if not files:
        return set()
    dynamic = ["-D"] if files[0].endswith(".so") else []
    listed = subprocess.run(["nm", *dynamic, *files], capture_output=True, text=True, check=True)
    return set(re.findall(rf" {kind} ({prefix}\w+)", listed.stdout))


def main() -> None:
    """Writes the functions."""
    code, prefix, objects, *modules = sys.argv[1:]
    print("void emu_missing(const char*);")
    for name in sorted(symbols(modules, prefix, "U") - symbols(objects.split(), prefix, "T")):
        print(f'int {name}(void) {{ emu_missing("{name}"); return {code}; }}')


if __name__ == "__main__":
    main()
