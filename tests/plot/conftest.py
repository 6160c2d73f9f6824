"""Pictures are drawn without a screen, and closed behind each test."""

import pytest


@pytest.fixture(autouse=True)
def without_a_screen():
    matplotlib = pytest.importorskip("matplotlib")
    backend = matplotlib.get_backend()
    matplotlib.use("agg", force=True)
    yield
    import matplotlib.pyplot as plt

    plt.close("all")
    matplotlib.use(backend, force=True)
