"""A build backend that builds nothing: the metadata of a source distribution are its PKG-INFO.

pip keeps a source distribution only once its backend has named it. With this module in the place of
the real backend (`--no-build-isolation`, its folder first on PYTHONPATH) no compiler is asked.
"""

import email
import shutil
from pathlib import Path


def prepare_metadata_for_build_wheel(folder: str, settings: object = None) -> str:
    """The name of a folder in `folder` that holds the metadata."""
    known = email.message_from_string(Path("PKG-INFO").read_text(encoding="utf-8"))
    name = f"{known['Name']}-{known['Version']}.dist-info"
    made = Path(folder) / name
    made.mkdir()
    shutil.copy("PKG-INFO", made / "METADATA")
    return name
