import os
import subprocess
import sys
import warnings
from unittest import SkipTest

import dask.array as da
import numpy as np
import pandas as pd
import pytest
import sklearn.exceptions
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

from spanwise.cluster import KMeans
from spanwise.errors import ArgumentError, SpanwiseError, UnsupportedError

X = np.random.default_rng(0).standard_normal((60, 3))


EXPECTED_TO_FAIL = dict.fromkeys(
    (
        "check_sample_weight_equivalence_on_dense_data",
        "check_sample_weight_equivalence_on_sparse_data",
    ),
    "scikit-learn expects it of its own KMeans: other rows draw other starts",
)


def checks():
    with warnings.catch_warnings():
        # That it does not inherit from BaseEstimator, which would need scikit-learn.
        warnings.simplefilter("ignore")
        pairs = list(estimator_checks_generator(KMeans(n_clusters=2), legacy=True))
    named = [(getattr(pair[1], "func", pair[1]).__name__, pair) for pair in pairs]
    return [pytest.param(*pair, id=name) for name, pair in named if name not in EXPECTED_TO_FAIL]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("estimator", "check"), checks())
def test_it_passes_scikit_learns_checks(estimator, check):
    try:
        check(estimator)
    except SkipTest as reason:
        pytest.skip(str(reason))


def test_it_passes_the_checks_of_array_libraries():
    code = """
import warnings; warnings.simplefilter("ignore")
from unittest import SkipTest
from sklearn.utils.estimator_checks import estimator_checks_generator
from spanwise.cluster import KMeans
for estimator, check in estimator_checks_generator(KMeans(2), legacy=True):
    name = getattr(check, "func", check).__name__
    if "array_api" in name:
        try:
            check(estimator)
            print(name)
        except SkipTest as reason:
            print("skipped", name, reason)
"""
    env = os.environ | {"SCIPY_ARRAY_API": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=env, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "check_array_api" in done.stdout


def test_before_a_fit_it_says_so_in_both_languages():
    for method in ("predict", "transform", "score"):
        with pytest.raises(sklearn.exceptions.NotFittedError, match="call fit") as error:
            getattr(KMeans(2), method)(X)
        assert isinstance(error.value, SpanwiseError)
    code = "from spanwise.cluster import KMeans; KMeans().get_feature_names_out()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "NotFittedError: this KMeans is not fitted yet" in done.stderr


def test_it_works_without_scikit_learn():
    code = """
import sys
sys.modules["sklearn"] = None
import numpy as np
from spanwise.cluster import KMeans
x = np.random.default_rng(0).standard_normal((50, 2))
print(KMeans(3, random_state=0).fit(x).transform(x).shape)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "(50, 3)" in done.stdout


def test_names_of_features_are_kept_and_compared():
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    model = KMeans(2, random_state=0).fit(frame)
    np.testing.assert_array_equal(model.feature_names_in_, ["a", "b", "c"])
    np.testing.assert_array_equal(model.predict(frame), model.labels_)
    with pytest.raises(ArgumentError, match="same order"):
        model.predict(frame[["b", "a", "c"]])
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict(X)
    assert not hasattr(model.fit(X), "feature_names_in_")


def test_columns_of_transform_have_names():
    frame = pd.DataFrame(X, columns=["a", "b", "c"], index=range(100, 160))
    model = KMeans(3, random_state=0).fit(frame).set_output(transform="pandas")
    out = model.transform(frame)
    assert list(out.columns) == ["kmeans0", "kmeans1", "kmeans2"]
    assert list(out.index) == list(frame.index)
    np.testing.assert_array_equal(out, model.set_output(transform="default").transform(frame))
    with pytest.raises(ArgumentError, match="transform='list'"):
        model.set_output(transform="list")
    lazy = da.from_array(X, chunks=(20, 3))
    with pytest.raises(UnsupportedError, match="default"):
        KMeans(3).fit(lazy).set_output(transform="pandas").transform(lazy)


def test_it_is_part_of_a_pipeline():
    pipeline = make_pipeline(StandardScaler(), KMeans(2, random_state=0))
    assert pipeline.fit_predict(X).shape == (60,)
    assert "KMeans" in repr(pipeline)
