"""What scikit-learn asks of an estimator, without it: parameters, names of features, tags.

With scikit-learn installed, its own exceptions and tags are used, so that pipelines and searches
take the estimators of `spanwise.cluster` for theirs.
"""

from __future__ import annotations

import functools
import inspect
import sys
import warnings
from typing import Any, Self

import numpy as np

from ..errors import ArgumentError, ArrayTypeError, SpanwiseError, UnsupportedError

_CONTAINERS = ("default", "pandas", "polars")


class NotFittedError(SpanwiseError, ValueError, AttributeError):
    """An estimator that was asked for what only a fit can tell."""


@functools.cache
def _not_fitted_of_sklearn() -> type[NotFittedError]:
    from sklearn.exceptions import NotFittedError as Theirs

    return type("NotFittedError", (NotFittedError, Theirs), {"__module__": __name__})


def warn_of_convergence(message: str, *, stacklevel: int) -> None:
    """Warn as scikit-learn does, by its own category where it is in use."""
    category: type[Warning] = UserWarning
    if sys.modules.get("sklearn") is not None:
        from sklearn.exceptions import ConvergenceWarning

        category = ConvergenceWarning
    warnings.warn(message, category, stacklevel=stacklevel + 1)


class Estimator:
    """Parameters are those of ``__init__``, kept as they were given."""

    cluster_centers_: Any
    n_features_in_: int
    feature_names_in_: np.ndarray

    @classmethod
    def _parameter_names(cls) -> list[str]:
        names = list(inspect.signature(cls.__init__).parameters)
        return [name for name in names if name != "self"]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters by name, as scikit-learn's estimators give them."""
        return {name: getattr(self, name) for name in self._parameter_names()}

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name.

        Raises
        ------
        ArgumentError
            For a name that is not a parameter.
        """
        names = self._parameter_names()
        for name, value in params.items():
            if name not in names:
                raise ArgumentError(f"parameter {name!r}: expected one of {', '.join(names)}")
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        parameters = inspect.signature(type(self).__init__).parameters
        changed = (
            f"{name}={value!r}"
            for name, value in self.get_params().items()
            if value is not parameters[name].default
        )
        return f"{type(self).__name__}({', '.join(changed)})"

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "n_features_in_")

    def _check_fitted(self, method: str) -> None:
        if self.__sklearn_is_fitted__():
            return
        error = (
            _not_fitted_of_sklearn() if sys.modules.get("sklearn") is not None else NotFittedError
        )
        raise error(f"this {type(self).__name__} is not fitted yet; call fit(X) before {method}(X)")

    def _note_features(self, X: Any) -> Any:
        """Keep the names of the features of a data frame; the array that it holds."""
        names = _names_of(X)
        if names is None:
            self.__dict__.pop("feature_names_in_", None)
        else:
            self.feature_names_in_ = names
        return as_array(X)

    def _check_features(self, X: Any) -> Any:
        """The array of a data frame, whose features have to be those that were seen in the fit."""
        names, known = _names_of(X), getattr(self, "feature_names_in_", None)
        if names is not None and known is not None and not np.array_equal(names, known):
            raise ArgumentError(_names_differ(names, known))
        if (names is None) != (known is None):
            _warn_of_names(type(self).__name__, given=names is not None)
        return as_array(X)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the columns of `transform`: the name of the class and a number each.

        Parameters
        ----------
        input_features : ignored
            As in scikit-learn.
        """
        self._check_fitted("get_feature_names_out")
        prefix = type(self).__name__.lower()
        names = [f"{prefix}{i}" for i in range(self.cluster_centers_.shape[0])]
        return np.asarray(names, dtype=object)

    def set_output(self, *, transform: str | None = None) -> Self:
        """Choose what `transform` gives.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"}, optional
            The container of the input, or a data frame; None changes nothing.
        """
        if transform is None:
            return self
        if transform not in _CONTAINERS:
            raise ArgumentError(
                f"transform={transform!r}: expected one of {', '.join(_CONTAINERS)}"
            )
        self._sklearn_output_config = {"transform": transform}
        return self

    def _framed(self, values: Any, X: Any) -> Any:
        """What `transform` gives, in the container that was chosen."""
        container = getattr(self, "_sklearn_output_config", {}).get("transform")
        if container is None and sys.modules.get("sklearn") is not None:
            from sklearn import get_config

            container = get_config()["transform_output"]
        if container in (None, "default"):
            return values
        if not isinstance(values, np.ndarray):
            raise UnsupportedError(
                f"set_output(transform={container!r}) frames NumPy arrays, not "
                f"{type(values).__name__}; take set_output(transform='default')"
            )
        columns = list(self.get_feature_names_out())
        if container == "pandas":
            import pandas as pd

            return pd.DataFrame(values, columns=columns, index=getattr(X, "index", None))
        import polars as pl  # pyright: ignore[reportMissingImports]

        return pl.DataFrame(values, schema=columns, orient="row")

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import Tags, TargetTags, TransformerTags

        return Tags(
            estimator_type="clusterer",
            target_tags=TargetTags(required=False),
            transformer_tags=TransformerTags(preserves_dtype=["float64", "float32"]),
            # Any library is served, but scikit-learn means by this that `predict` refuses another
            # one than that of the fit; here the centres follow the rows.
            array_api_support=False,
        )


def as_array(X: Any) -> Any:
    """Lists and data frames as NumPy arrays, anything else as it is."""
    if hasattr(X, "columns") and hasattr(X, "to_numpy"):
        X = X.to_numpy()
    if isinstance(X, list | tuple):
        X = np.asarray(X)
    if hasattr(X, "tocsr"):
        raise ArrayTypeError(
            f"X is a sparse {type(X).__name__}; k-means here takes dense rows: X.toarray()"
        )
    if isinstance(X, np.ndarray) and X.dtype.kind in "OUS":
        try:
            return X.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise _no_number(error) from error
    return X


def _no_number(error: Exception) -> Exception:
    kind = ArrayTypeError if isinstance(error, TypeError) else ArgumentError
    return kind(f"X holds what is no number ({error}); argument must be a string or a number")


def _names_of(X: Any) -> np.ndarray | None:
    columns = getattr(X, "columns", None)
    if columns is None:
        return None
    names = np.asarray(list(columns), dtype=object)
    texts = [isinstance(name, str) for name in names]
    if any(texts) and not all(texts):
        raise ArrayTypeError(
            "feature names are of several types, of which only str is taken; rename them: "
            "X.columns = X.columns.astype(str). Feature names are only supported if all input "
            "features have string names"
        )
    return names if all(texts) and len(names) else None


def _names_differ(names: np.ndarray, known: np.ndarray) -> str:
    lines = ["The feature names should match those that were passed during fit."]
    unexpected = sorted(set(names) - set(known))
    missing = sorted(set(known) - set(names))
    if unexpected:
        lines += ["Feature names unseen at fit time:", *(f"- {name}" for name in unexpected)]
    if missing:
        lines += ["Feature names seen at fit time, yet now missing:", *(f"- {n}" for n in missing)]
    if not unexpected and not missing:
        lines.append("Feature names must be in the same order as they were in fit.")
    return "\n".join([*lines, ""])


def _warn_of_names(estimator: str, *, given: bool) -> None:
    text = (
        f"X has feature names, but {estimator} was fitted without feature names"
        if given
        else f"X does not have valid feature names, but {estimator} was fitted with feature names"
    )
    warnings.warn(text, UserWarning, stacklevel=5)
