"""pytest -p cuda_limit: spanwise, too, believes in CUDA_ON_CPU_FFT_LIMIT as the limit of cuFFT."""

import os

from spanwise.kernels.cupy import fft

fft._MOST_POINTS = int(os.environ["CUDA_ON_CPU_FFT_LIMIT"])
fft._BATCH_POINTS = fft._MOST_POINTS // 2
