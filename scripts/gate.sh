#!/usr/bin/env bash
# This project's own gate: trains a small supernet on tiles, with the code at hand, and holds its
# ranking to the committed baseline.
#
#   scripts/gate.sh           train and check; exits as `harness check` does (1: a regression)
#   scripts/gate.sh --save    train and replace results/baselines/tiles-spos.json
#
# $HARNESS is the command to use (default: harness); $GATE_OUT is a folder to keep the runs and
# junit.xml in (default: a temporary one).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
harness=${HARNESS:-harness}
baseline=results/baselines/tiles-spos.json

case "${1:-}" in
  "" | --save) ;;
  *)
    echo "Usage: scripts/gate.sh [--save]" >&2
    exit 2
    ;;
esac

out=${GATE_OUT:-}
if [[ -z "$out" ]]; then
  out=$(mktemp -d "${TMPDIR:-/tmp}/harness-gate.XXXXXX")
  trap 'rm -rf "$out"' EXIT
fi

# The data set and its truth are in the package: nobody's data folder plays a part.
unset HARNESS_DATA

# Six seeds, two at a time on two cores. Half the steps of `quick`: fewer do not rank yet (tau
# about 0 after 600), and all of them take longer than a gate may.
"$harness" run --dataset tiles --strategies spos --preset smoke --seeds 0,1,2,3,4,5 \
  --device cpu --set threads=1 --set steps=1500 --set checkpoint_every=1500 \
  --n-archs 200 --rank-images 250 --set rank_batch=250 --rank-every 0 --probe-every 0 \
  --out "$out/runs" >/dev/null

if [[ "${1:-}" == --save ]]; then
  "$harness" check --save-baseline "$baseline" "$out/runs"
  exit
fi

# MARGIN
"$harness" check --baseline "$baseline" --rule tau:0.05 --junit "$out/junit.xml" "$out/runs"
