#!/usr/bin/env bash
# Makes the runs behind README and docs/explanation/tables.md again, and prints the tables as
# Markdown.
#
#   scripts/readme_tables.sh FOLDER
#
# tiles takes some minutes on two cores; CIFAR-10 half an hour, and needs $HARNESS_DATA.
set -euo pipefail
out=${1:?Usage: scripts/readme_tables.sh FOLDER}

harness run --space nb201 --out "$out/tiles"
harness report "$out/tiles" --format markdown
if [[ -n "${HARNESS_DATA:-}" ]]; then
  harness run --space nb201 --dataset cifar10 --preset quick --out "$out/cifar10"
  harness report "$out/cifar10" --format markdown
else
  echo "CIFAR-10 is left out: set HARNESS_DATA." >&2
fi
