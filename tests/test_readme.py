"""What the README shows runs as it stands."""

import re
from pathlib import Path

import dask
import numpy as np
import pytest
import scipy.fft

README = Path(__file__).parents[1] / "README.md"


@pytest.mark.slow
def test_the_code_of_the_readme_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    names = {}
    exec(compile(code, str(README), "exec"), names)
    assert "spanwise-rfft" in capsys.readouterr().out
    assert names["power"].dims == ("freq_time", "y", "x")
    assert names["provinces"].labels.shape == (64, 64)


@pytest.mark.slow
def test_the_code_of_the_page_on_fft_runs():
    page = README.parent / "docs" / "fft.md"
    names = {}
    for code in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        exec(compile(code, str(page), "exec"), names)
    assert names["spectrum"].numblocks[0] > 1
    f = scipy.fft.rfftfreq(2**22, d=0.01)
    signal, back = dask.compute(names["signal"], names["back"])
    want = scipy.fft.irfft(np.where(f < 5.0, scipy.fft.rfft(signal), 0))
    np.testing.assert_allclose(back, want, atol=1e-10)


@pytest.mark.parametrize("page", [README, *sorted((README.parent / "docs").glob("*.md"))])
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\((?!http)([^)#]+)\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []
