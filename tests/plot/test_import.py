"""matplotlib is imported when something is drawn, and its absence says what to install."""

import subprocess
import sys

import numpy as np
import pytest
import xarray as xr

import spanwise.plot
from spanwise.errors import MissingDependencyError


def test_importing_the_module_does_not_import_matplotlib():
    code = "import sys, spanwise.xarray, spanwise.plot; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("name", spanwise.plot.__all__)
def test_without_matplotlib_the_message_installs_it(name, monkeypatch):
    for module in [m for m in sys.modules if m.partition(".")[0] == "matplotlib"]:
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    obj = xr.DataArray(np.ones((3, 3)), {"freq_x": [1.0, 2.0, 3.0]}, ("freq_x", "y"))
    with pytest.raises(MissingDependencyError, match=r'pip install "spanwise\[plot\]"'):
        getattr(spanwise.plot, name)(obj)
