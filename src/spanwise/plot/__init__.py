"""Pictures of spectra and clusters, with their units; needs matplotlib (extra ``plot``).

Every function computes what it draws. Nothing here is needed for the ``.plot()`` of xarray, which
all labelled results have.
"""

from ._clusters import clusters
from ._coherence import coherence
from ._loglog import loglog_spectrum
from ._spectrogram import spectrogram

__all__ = ["clusters", "coherence", "loglog_spectrum", "spectrogram"]
