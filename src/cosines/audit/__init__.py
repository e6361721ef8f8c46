"""The notebooks' questions, asked of embeddings that somebody else trained.

    >>> from cosines.audit import audit, PredictionSpace

``files`` reads factors, ``blocks`` works through matrices as long as the catalogue, ``measure``
takes the measurements, ``verdict``, ``health`` and ``runs`` judge them, ``findings`` puts the results
together, ``report`` prints them as text, JSON and HTML, and ``__main__`` is the command.
"""

from importlib import import_module

_HOMES = {"audit": "findings", "Audit": "findings", "read_model": "files", "model_of": "files",
          "PredictionSpace": "transformer"}
__all__ = ["Audit", "PredictionSpace", "audit", "model_of", "read_model"]


def __getattr__(name):
    """Load a name from its module when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = found
    return found


def __dir__():
    return sorted({*globals(), *__all__})
