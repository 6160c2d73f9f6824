#!/usr/bin/env bash
# From nothing to CuPy on an emulated card: a virtual environment, sources of others, libraries, stand-ins.
# README.md says what for, and which settings there are.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
repository=$(cd "$here/../.." && pwd)
root=${CUDA_ON_CPU_ROOT:-$here/build}
version=14.2.0
mkdir -p "$root/sources"

step() { printf '== %s\n' "$*"; }

step "virtual environment"
[ -x "$root/venv/bin/python" ] || "${PYTHON:-python3}" -m venv "$root/venv"
python=$root/venv/bin/python
"$python" -m pip install --quiet "cupy-cuda13x==$version" "Cython>=3.2,<3.3" -e "$repository[test]"
site=$("$python" -c "import sysconfig; print(sysconfig.get_path('platlib'))")

# Downloads the source distribution $1==$2 and unpacks it. pip asks a build backend for metadata before it
# keeps the file; ours answers without building anything.
fetch() {
  local sources=$root/sources
  if [ ! -d "$sources/$1-$2" ]; then
    mkdir -p "$sources/backend/setuptools"
    cp "$here/sdist_backend.py" "$sources/backend/mesonpy.py"
    cp "$here/sdist_backend.py" "$sources/backend/setuptools/build_meta.py"
    touch "$sources/backend/setuptools/__init__.py"
    PYTHONPATH=$sources/backend "$python" -m pip download --quiet --no-deps --no-binary :all: \
      --no-build-isolation --dest "$sources" "$1==$2"
    tar -xzf "$sources/$1-$2.tar.gz" -C "$sources"
  fi
}

step "sources of CuPy and of pocketfft"
if [ -n "${CUPY_SDIST:-}" ]; then
  tar -xzf "$CUPY_SDIST" -C "$root/sources"
else
  fetch cupy "$version"
fi
numpy=$("$python" -c "import numpy; print(numpy.__version__)")
fetch numpy "$numpy"
cp "$root/sources/numpy-$numpy/numpy/fft/pocketfft/pocketfft_hdronly.h" "$root/sources/"

step "CUDA's headers"
include=${CUDA_PATH:-/usr/local/cuda}/include
if [ ! -f "$include/cuda_runtime_api.h" ]; then
  "$python" -m pip install --quiet --no-deps --upgrade --target "$root/cuda" \
    "nvidia-cuda-runtime==13.0.*" "nvidia-cuda-crt==13.0.*" "nvidia-cuda-profiler-api==13.0.*"
  include=$(dirname "$(find "$root/cuda" -name cuda_runtime_api.h)")
fi
ln -sfn "$include" "$root/include"

step "libraries"
make --silent -C "$here" ROOT="$root" SITE="$site" CUPY="$root/sources/cupy-$version"

step "stand-ins within CuPy"
for module in cuda/thrust random/_generator_api; do
  find "$site/cupy/${module%/*}" -name "${module##*/}.*.so" -exec mv {} {}.unused \;
  cp "$here/stand_ins/${module##*/}.py" "$site/cupy/$module.py"
done
find "$site/cupy_backends/cuda/api" -name "runtime.*.so" \
  -exec cp --remove-destination "$root/lib/runtime.so" {} \;

step "a first kernel"
CUDA_ON_CPU_ROOT=$root bash "$here/run.sh" python -c "import cupy; assert cupy.arange(4).sum() == 6"
echo "Ready. Run commands with:${CUDA_ON_CPU_ROOT:+ CUDA_ON_CPU_ROOT=$root} bash $here/run.sh python -m pytest tests/gpu -n0"
