#!/usr/bin/env bash
# Tests and benchmarks on a card, on a machine without a network:
#
#     bash benchmarks/gpu/run.sh [WHEELS] [OPTION ...]
#
# WHEELS is a folder of wheels (.whl where none is named); what this machine's Python lacks is taken from
# there. Options are those of `python -m benchmarks.gpu`. PYTHON names another interpreter than python3.
# Ends within eight minutes, with 1 if a test failed or a target was not met. See docs/gpu.md.
set -euo pipefail
cd "$(dirname "$0")/../.."

wheels=.whl
if [[ $# -gt 0 && $1 != -* ]]; then
    wheels=$1
    shift
fi
python=${PYTHON:-python3}

site=$(mktemp -d)
trap 'rm -rf "$site"' EXIT
export PYTHONPATH="$PWD/src:$site${PYTHONPATH:+:$PYTHONPATH}"
export PIP_NO_INDEX=1 PYTHONUNBUFFERED=1 MPLBACKEND=Agg

begin=$SECONDS
"$python" benchmarks/gpu/install.py "$wheels" "$site"
left=$((470 - (SECONDS - begin)))
# What was measured is written after each step, so that nothing is lost if the time is up.
timeout --kill-after=5 "$left" "$python" -m benchmarks.gpu --seconds $((left - 40)) "$@"
