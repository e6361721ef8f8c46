"""Bad input gets one clear error: the argument, the bound and the value."""

import numpy as np


def require(condition, argument, bound, value):
    """Raise ``ValueError`` naming `argument`, its `bound` and its `value` unless `condition`."""
    if not condition:
        raise ValueError(f"{argument} must be {bound}, got {value!r}")


def is_number(value, integer=False):
    """Whether `value` is one finite real number (a whole one, if `integer`)."""
    kinds = "iu" if integer else "iuf"
    array = np.asarray(value)
    return array.ndim == 0 and array.dtype.kind in kinds and bool(np.isfinite(array))


def require_count(argument, value, low=1, high=None):
    """Raise ``ValueError`` unless `value` is a whole number with ``low <= value <= high``."""
    bound = f"a whole number >= {low}" if high is None else f"a whole number in {low}..{high}"
    within = is_number(value, integer=True) and low <= value and (high is None or value <= high)
    require(within, argument, bound, value)


def finite_array(argument, array, ndim):
    """Return `array` as float64 with `ndim` dimensions and finite entries, or raise ``ValueError``.

    Floating-point input keeps its precision, so that float32 embeddings are not copied.
    """
    try:
        array = np.asarray(array)
        if array.dtype.kind != "f":
            array = array.astype(np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{argument} must be an array of real numbers") from None
    if array.ndim != ndim or array.size == 0:
        raise ValueError(
            f"{argument} must be a non-empty array with {ndim} dimension(s), got shape {array.shape}"
        )
    if not np.isfinite(array).all():
        raise ValueError(f"{argument} must be finite, got NaN or infinite entries")
    return array
