import io

import dask
import dask.array as da

from spanwise import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_it_computes_and_draws_on_standard_error(capsys):
    with dask.config.set(scheduler="threads", num_workers=2):
        assert progress.compute(da.ones(6, chunks=2).sum()) == 6
    captured = capsys.readouterr()
    assert not captured.out
    assert captured.err.count("\n") == 1
    assert "100% Completed" in captured.err


def test_a_terminal_gets_the_bar_itself(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with dask.config.set(scheduler="threads"):
        progress.compute(da.ones(6, chunks=2).sum())
    assert terminal.getvalue().startswith("\r[")


def test_a_log_gets_few_whole_lines(monkeypatch):
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    stream = io.StringIO()
    log = progress._Log(stream)
    for percent in range(0, 100):
        now = percent / 4
        log.write(f"\r[##] | {percent}% Completed")
    log.write("\r[####] | 100% Completed")
    log.write("\n")
    log.finish()
    lines = stream.getvalue().splitlines()
    assert [line.split("| ")[1] for line in lines] == [
        "40% Completed", "80% Completed", "100% Completed",
    ]  # fmt: skip
