"""Put carried wheels of what a machine lacks into a folder: ``python install.py WHEELS TARGET``.

For a machine without a network whose Python has some of the packages already. What is there and new
enough stays; no other version of it is put beside it. Needs nothing but Python and its pip.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterable, Iterator
from email import message_from_bytes
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pip._vendor.packaging.requirements import Requirement
from pip._vendor.packaging.tags import sys_tags
from pip._vendor.packaging.utils import canonicalize_name, parse_wheel_filename

ROOT = Path(__file__).parents[2]
BESIDE = ("zarr>=3.1", "hypothesis", "pytest>=8.2", "psutil")
"""What tests and benchmarks need beside what the package itself does."""
GIVEN = {"cupy-cuda12x", "cupy-cuda13x", "torch"}
"""Never taken from wheels: they belong to the driver of the machine."""


def wanted() -> list[str]:
    """What has to be there."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [*project["dependencies"], *BESIDE]


def carried(folder: Path) -> dict[str, Path]:
    """The wheels of a folder that this Python can use, by the name of their package."""
    tags = set(sys_tags())
    found: dict[str, Path] = {}
    for path in sorted(folder.glob("*.whl")):
        name, _, _, of_wheel = parse_wheel_filename(path.name)
        if not tags & of_wheel:
            print(f"left out, for another Python or system: {path.name}", file=sys.stderr)
        elif name in found:
            raise SystemExit(
                f"two versions of {name}: {found[name].name} and {path.name}; keep one"
            )
        else:
            found[str(name)] = path
    return found


def needs(path: Path) -> Iterator[str]:
    """Requirements of a wheel."""
    with zipfile.ZipFile(path) as wheel:
        name = next(n for n in wheel.namelist() if n.endswith(".dist-info/METADATA"))
        yield from message_from_bytes(wheel.read(name)).get_all("Requires-Dist", [])


def installed(requirement: Requirement) -> bool:
    """Whether a version that is there satisfies a requirement."""
    try:
        return requirement.specifier.contains(version(requirement.name), prereleases=True)
    except PackageNotFoundError:
        return False


def chosen(requirements: Iterable[str], wheels: dict[str, Path]) -> tuple[list[Path], list[str]]:
    """The wheels to install for some requirements, and what nobody has."""
    todo = [(text, "spanwise") for text in requirements]
    take: dict[str, Path] = {}
    missing: list[str] = []
    seen: set[str] = set()
    while todo:
        text, by = todo.pop()
        requirement = Requirement(text)
        if requirement.marker is not None and not _applies(requirement):
            continue
        name = str(canonicalize_name(requirement.name))
        if name in GIVEN or name in take or installed(requirement):
            continue
        if name in wheels:
            take[name] = wheels[name]
            todo += [(need, name) for need in needs(wheels[name])]
        elif text not in seen:
            seen.add(text)
            missing.append(f"{text} (for {by})")
    return list(take.values()), missing


def _applies(requirement: Requirement) -> bool:
    """Whether a requirement counts here, without any extra."""
    assert requirement.marker is not None
    return requirement.marker.evaluate({"extra": ""})


def main(argv: list[str]) -> int:
    """Install, or say what is missing."""
    folder, target = map(Path, argv)
    take, missing = chosen(wanted(), carried(folder))
    if missing:
        print(f"neither installed nor in {folder}:", *missing, sep="\n  ", file=sys.stderr)
        return 1
    print("from wheels:", *(sorted(p.name for p in take) or ["nothing"]), sep="\n  ")
    if not take:
        return 0
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    command += ["--no-compile", "--no-cache-dir", "--disable-pip-version-check"]
    return subprocess.run([*command, "--target", target, *take], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
