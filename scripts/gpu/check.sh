#!/usr/bin/env bash
# Everything that only a GPU can answer, on a borrowed machine without network: docs/how-to/gpus.md.
#
#   scripts/gpu/check.sh images FILE...    put image batches and truth tables outside the tree
#   scripts/gpu/check.sh work [OPTION...]  install, test, measure, train and rank
#
# $GPU_DATA   where the data is put (default: /tmp/harness-gpu-data)
# $WHEELS     folder of wheels that the machine lacks; they are installed into a temporary folder
# Options of `work`: python -m scripts.gpu.check --help
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
data=${GPU_DATA:-/tmp/harness-gpu-data}
python=${PYTHON:-python3}

usage() {
  echo "Usage: scripts/gpu/check.sh images FILE... | work [OPTION...]" >&2
  exit 2
}

put() {
  local name target
  name=$(basename "${1%.xz}")
  case "$name" in
    data_batch_[1-5].bin) target=$data/cifar-10-batches-bin/$name ;;
    *.parquet) target=$data/nb201/$name ;;
    *)
      echo "$1 is neither a batch of CIFAR-10 (data_batch_N.bin) nor a table (*.parquet)." >&2
      exit 2
      ;;
  esac
  mkdir -p "$(dirname "$target")"
  case "$1" in
    *.xz) xz --decompress --stdout "$1" 2>/dev/null >"$target.part" ||
      "$python" -c 'import lzma, shutil, sys; shutil.copyfileobj(lzma.open(sys.argv[1]), sys.stdout.buffer)' \
        "$1" >"$target.part" ;;
    *) cp "$1" "$target.part" ;;
  esac
  mv "$target.part" "$target"
}

case "${1:-}" in
  images)
    shift
    [[ $# -gt 0 ]] || usage
    for file in "$@"; do put "$file"; done
    find "$data" -type f -printf '%s %p\n'
    "$python" --version
    ;;
  work)
    shift
    site=$(mktemp -d "${TMPDIR:-/tmp}/harness-gpu-site.XXXXXX")
    trap 'rm -rf "$site"' EXIT
    if [[ -n "${WHEELS:-}" ]]; then
      # by name, so that wheels for several versions of Python can lie there
      names=$(cd "$WHEELS" && printf '%s\n' *.whl | sed 's/-.*//' | sort -u)
      "$python" -m pip install --quiet --no-index --find-links "$WHEELS" --no-deps \
        --target "$site" $names
    fi
    PYTHONPATH=$PWD:$site HARNESS_DATA=$data OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=1 \
      "$python" -m scripts.gpu.check "$@"
    ;;
  *) usage ;;
esac
