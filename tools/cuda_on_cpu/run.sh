#!/usr/bin/env bash
# Runs a command where CuPy finds the emulated card:
#   bash tools/cuda_on_cpu/run.sh python -m pytest tests/gpu -n0
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=${CUDA_ON_CPU_ROOT:-$here/build}
if [ ! -e "$root/lib/libcuda.so.1" ]; then
  echo "Nothing is built in $root. Build it with: bash $here/build.sh" >&2
  exit 2
fi
export CUDA_ON_CPU_ROOT=$root
export LD_LIBRARY_PATH=$root/lib CUDA_PATH=$root
export VIRTUAL_ENV=$root/venv PATH=$root/venv/bin:$PATH
export PYTHONPATH=$here/plugins
# CUB's kernels in the wheel are machine code for cards.
export CUPY_CACHE_DIR=$root/cupy_cache CUPY_ACCELERATORS=
exec "$@"
