"""`PredictionSpace`, a transformer for scikit-learn's pipelines: the class is built when it is first asked for.

Until then nothing needs scikit-learn, which the extra ``sklearn`` installs.
"""

import numpy as np

from cosines._arrays import require_number
from cosines.scalings import prediction_space


def __getattr__(name):
    if name != "PredictionSpace":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = _built()
    return globals()[name]


def _built():
    try:
        from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
        from sklearn.utils.validation import check_is_fitted, validate_data
    except ImportError:
        raise ImportError('PredictionSpace needs scikit-learn: pip install scikit-learn') from None

    class PredictionSpace(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
        """Items as what a model predicts for them: ``B H^(power/2)``, with ``H = P^T P`` of the users.

        At power 1, rows have the cosines (and inner products) of the columns of ``P B^T``, whatever
        scaling the factors came in; at power 0 they stay as they are.

        Parameters
        ----------
        power : float, default=1
            ``>= 0``.

        Attributes
        ----------
        T_ : ndarray, shape (k, k)
            Items are embedded as ``B T_``.
        n_features_in_ : int

        Examples
        --------
        >>> import numpy as np
        >>> from cosines.audit import PredictionSpace
        >>> users, items = np.diag([3.0, 1.0]), np.eye(2)
        >>> PredictionSpace(power=1).fit(users).transform(items)
        array([[3., 0.],
               [0., 1.]])
        """

        def __init__(self, power=1):
            self.power = power

        def fit(self, X, y=None):
            """Take the Gram matrix of the users' factors `X`, shape (n, k); `y` is ignored."""
            require_number("power", self.power)
            X = validate_data(self, X, dtype=(np.float64, np.float32))
            gram = X.astype(np.float64, copy=False)
            root = prediction_space(gram.T @ gram, float(np.finfo(X.dtype).eps))
            if self.power != 1:
                lengths, R = np.linalg.eigh(root)
                root = R * np.maximum(lengths, 0) ** self.power @ R.T
            self.T_ = root
            return self

        def transform(self, X):
            """Embed items' factors `X`, shape (p, k): an array of the same shape and precision."""
            check_is_fitted(self)
            X = validate_data(self, X, dtype=(np.float64, np.float32), reset=False)
            return X @ self.T_.astype(X.dtype)

        @property
        def _n_features_out(self):
            return self.T_.shape[1]

        def __sklearn_tags__(self):
            tags = super().__sklearn_tags__()
            tags.transformer_tags.preserves_dtype = ["float64", "float32"]
            return tags

    # As if it stood at the top of the module: pickles and messages name it so.
    PredictionSpace.__qualname__ = "PredictionSpace"
    return PredictionSpace
