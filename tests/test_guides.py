"""What the guides show runs as it stands."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import dask
import numpy as np
import psutil
import pytest
import scipy.fft
import xarray as xr
import yaml
from distributed import Client
from distributed.security import Security

import spanwise as sw
import spanwise.xarray
from spanwise.schedulers import placement
from spanwise.schedulers.devices import survey

DOCS = Path(__file__).parents[1] / "docs"
CLUSTERS = DOCS / "clusters.md"
PLACEMENT = DOCS / "placement.md"
KMEANS = DOCS / "kmeans.md"
SPECTRA = DOCS / "spectra.md"
COMING_FROM = DOCS / "coming-from.md"


def blocks(page, language):
    found = re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    return found


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def running(command, env, log):
    """A command in the background, in a group of processes of its own, until the block ends."""
    with log.open("w") as out:
        process = subprocess.Popen(
            ["bash", "-c", f"exec env {command}"],
            env=env,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """The cluster of several machines, on one: its port and its processes."""
    folder, port = tmp_path_factory.mktemp("dask"), free_port()
    certificates, *commands = blocks(CLUSTERS, "bash")[:4]
    subprocess.run(["bash", "-euc", certificates], cwd=folder, check=True, capture_output=True)
    (configuration,) = blocks(CLUSTERS, "yaml")
    config = folder / "config" / "cluster.yaml"
    config.parent.mkdir()
    config.write_text(configuration.replace("/etc/dask", str(folder)))
    here = {"SCHEDULER": "127.0.0.1", "HOST": "127.0.0.1", "DASK_CONFIG": str(config.parent)}
    env = os.environ | here
    env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
    with contextlib.ExitStack() as stack:
        merged = dask.config.merge(dask.config.config, yaml.safe_load(config.read_text()))
        stack.enter_context(dask.config.set(merged))
        started = []
        for number, command in enumerate(commands):
            here = command.replace("8786", str(port)).replace(":8787", ":0")
            log = folder / f"{number}.log"
            started.append(stack.enter_context(running(here, env, log)))
        yield port, started


@pytest.mark.slow
def test_the_code_of_the_page_on_clusters_runs(cluster, capsys):
    port, started = cluster
    names = {"scheduler": "127.0.0.1"}
    one_machine, connect, *checks = (
        c.replace(":8786", f":{port}") for c in blocks(CLUSTERS, "python")
    )
    exec(compile(one_machine, str(CLUSTERS), "exec"), names)
    exec(compile(connect, str(CLUSTERS), "exec"), names)
    with names["client"] as client:
        client.wait_for_workers(3, timeout=60)
        for code in checks:
            exec(compile(code, str(CLUSTERS), "exec"), names)
        assert client.scheduler.address == f"tls://127.0.0.1:{port}"
        workers = client.scheduler_info(n_workers=-1)["workers"]
        assert sorted(str(w["resources"]) for w in workers.values()) == ["{'GPU': 1.0}", "{}", "{}"]
        assert all(address.startswith("tls://127.0.0.1:") for address in workers)
        assert survey("hostfree", client=client).where == "1 GPU worker"
        with placement("gpu", device="hostfree"):
            total = abs(sw.fft.rfft2(names["x"])).sum().compute()
        assert total == pytest.approx(names["total"], rel=1e-5)
        listening = {
            connection.laddr.ip
            for process in started
            for p in [psutil.Process(process.pid), *psutil.Process(process.pid).children(True)]
            for connection in p.net_connections(kind="inet")
            if connection.status == psutil.CONN_LISTEN
        }
        assert listening == {"127.0.0.1"}
    assert "placement gpu: 1 GPU worker" in capsys.readouterr().out


@pytest.mark.slow
def test_the_cluster_of_the_page_talks_only_to_those_its_authority_has_signed(cluster):
    port, _ = cluster
    with pytest.raises(OSError, match="TLS certificate does not match"):
        Client(f"tls://127.0.0.1:{port}", security=Security.temporary(), timeout=60)
    in_the_clear = dict.fromkeys(("tls_ca_file", "tls_client_cert", "tls_client_key"))
    with pytest.raises(OSError, match=r"reset|closed|Timed out"):
        Client(
            f"tcp://127.0.0.1:{port}",
            security=Security(require_encryption=False, **in_the_clear),
            timeout=10,
        )


@pytest.mark.slow
def test_the_code_of_the_page_on_placement_runs_and_prints_what_the_page_shows(capsys):
    names = {}
    (code,) = blocks(PLACEMENT, "python")
    exec(compile(code, str(PLACEMENT), "exec"), names)
    x = names["x"].compute()
    want = scipy.fft.irfft2(scipy.fft.rfft2(x) * names["low"], s=(512, 512))
    np.testing.assert_allclose(names["result"], want, atol=1e-5)
    plan, report = blocks(PLACEMENT, "text")
    printed = capsys.readouterr().out
    # All but times, which the page has of one machine.
    for start in ("spanwise-rfft2 ", "mul ", "total ", "copies "):
        assert next(line for line in plan.splitlines() if line.startswith(start)) in printed
    row = next(line for line in report.splitlines() if line.startswith("rfft2+mul+irfft2"))
    assert row[:54] in printed
    assert row[-36:] in printed


@pytest.mark.parametrize("page", [SPECTRA, COMING_FROM], ids=lambda page: page.stem)
def test_the_code_of_the_pages_on_labelled_data_runs(page, capsys, monkeypatch, tmp_path):
    matplotlib = pytest.importorskip("matplotlib")
    pytest.importorskip("matplotlib.pyplot")
    monkeypatch.chdir(tmp_path)
    backend = matplotlib.get_backend()
    matplotlib.use("agg", force=True)
    try:
        names = {}
        for code in blocks(page, "python"):
            exec(compile(code, str(page), "exec"), names)
    finally:
        matplotlib.pyplot.close("all")
        matplotlib.use(backend, force=True)
    printed = capsys.readouterr().out
    for shown in blocks(page, "text"):
        assert all(line in printed for line in shown.splitlines())


def names_of(page, pattern):
    return sorted(set(re.findall(pattern, page.read_text(encoding="utf-8"))))


@pytest.mark.parametrize("page", [SPECTRA, COMING_FROM], ids=lambda page: page.stem)
def test_every_name_of_the_pages_on_labelled_data_exists(page):
    array = xr.DataArray(np.ones(2), dims="x")
    for space, name in names_of(page, r"spanwise\.(fft|signal|cluster|plot)\.(\w+)"):
        function = getattr(getattr(array.spanwise, space), name, None)
        assert function or hasattr(getattr(sw, space), name), (space, name)
    for space, name in names_of(page, r"sw\.(fft|signal|cluster)\.(\w+)"):
        assert hasattr(getattr(sw, space), name), (space, name)


def test_the_page_on_k_means_runs_from_top_to_bottom(tmp_path, monkeypatch, capsys):
    matplotlib = pytest.importorskip("matplotlib")
    pytest.importorskip("zarr")
    matplotlib.use("agg")
    monkeypatch.chdir(tmp_path)
    known = {}
    for block in blocks(KMEANS, "python"):
        exec(block, known)
    assert "spanwise-kmeans-lloyd" in capsys.readouterr().out
    assert known["km"].labels_.shape == (40_000,)
    assert len(known["sweep"].bic) == 7
    labels = known["sst"].spanwise.cluster.predict(known["provinces"])
    np.testing.assert_array_equal(labels, known["found"].labels)
    assert set(labels.values[:, 3]) == {-1}
