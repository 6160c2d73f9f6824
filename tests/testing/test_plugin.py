import subprocess
import sys

import pytest

CONFTEST = 'pytest_plugins = ["spanwise.testing.plugin"]'


@pytest.fixture
def project(pytester):
    pytester.makeconftest(CONFTEST)
    return pytester


def test_a_test_runs_once_for_each_backend(project):
    project.makepyfile("def test_it(xp):\n    assert xp.name in ('numpy', 'dask:hostfree')")
    result = project.runpytest("--array-backend=numpy,dask:hostfree", "-v")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*test_it[[]numpy[]]*", "*test_it[[]dask:hostfree[]]*"])


def test_the_default_is_every_backend_that_works_here(project):
    project.makepyfile("def test_it(xp):\n    xp.asarray([1.0, 2.0])")
    from spanwise.testing import available_backends

    project.runpytest().assert_outcomes(passed=len(available_backends()))


def test_hypothesis_tests_and_fixtures_may_use_it(project):
    project.makepyfile(
        """
        import pytest
        from hypothesis import given, settings, strategies as st

        @pytest.fixture
        def ones(xp):
            return xp.asarray([1.0, 1.0])

        @settings(deadline=None, max_examples=2)
        @given(n=st.integers(1, 3))
        def test_law(xp, n):
            assert xp.asarray(range(n)).shape == (n,)

        def test_fixture(ones):
            assert ones.shape == (2,)
        """
    )
    project.runpytest("--array-backend=numpy,hostfree").assert_outcomes(passed=4)


def test_markers_skip_and_expect_failure_with_their_reasons(project):
    project.makepyfile(
        """
        import pytest

        pytestmark = pytest.mark.skip_xp_backends("numpy", reason="of the module")

        @pytest.mark.skip_xp_backends("dask", reason="not on lazy arrays")
        @pytest.mark.xfail_xp_backends("hostfree", reason="known defect")
        def test_it(xp):
            assert xp.name == "array-api-strict"
        """
    )
    backends = "--array-backend=numpy,hostfree,array-api-strict,dask:numpy,dask:hostfree"
    result = project.runpytest(backends, "-rsx", "--strict-markers")
    result.assert_outcomes(passed=1, skipped=3, xfailed=1)
    result.stdout.fnmatch_lines(["*of the module*", "*not on lazy arrays*", "*known defect*"])


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        ('skip_xp_backends("numpy")', "needs reason="),
        ('xfail_xp_backends("numpy", reason="")', "needs reason="),
        ('skip_xp_backends("nupmy", reason="x")', "expected names out of"),
        ('skip_xp_backends(reason="x")', "expected names out of"),
    ],
)
def test_a_marker_without_reason_or_with_an_unknown_name_is_an_error(project, marker, message):
    project.makepyfile(f"import pytest\n\n@pytest.mark.{marker}\ndef test_it(xp):\n    pass\n")
    result = project.runpytest("--array-backend=numpy")
    assert result.ret != 0
    result.stdout.fnmatch_lines([f"*{message}*"])


def test_an_unknown_backend_stops_the_run(project):
    result = project.runpytest("--array-backend=nupmy")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--array-backend: array backend 'nupmy' is unknown*"])


def test_the_plugin_is_not_loaded_unless_asked_for():
    code = (
        "import importlib.metadata as m;"
        "assert not [e for e in m.entry_points(group='pytest11') if 'spanwise' in e.value]"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_importing_the_kit_imports_neither_pytest_hypothesis_nor_dask():
    code = (
        "import sys, spanwise.testing;"
        "assert not {'pytest', 'hypothesis', 'dask', 'torch', 'cupy'} & set(sys.modules);"
        "from spanwise.testing import HostFree; HostFree.copy_from_host([1.0]) + 1;"
        "assert 'dask' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_every_name_of_the_kit_is_there():
    import spanwise.testing

    for name in spanwise.testing.__all__:
        assert getattr(spanwise.testing, name) is not None
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = spanwise.testing.no_such_name
