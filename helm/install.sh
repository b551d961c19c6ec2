#!/usr/bin/env bash
# Installs what a server needs into an environment: the wheel with its extras, and each dependency as
# requirements.txt pins it, checked by its hash. Whatever is not pinned there is refused.
#
#   install.sh ENVIRONMENT WHEEL REQUIREMENTS [EXTRAS]
set -euo pipefail
if [ $# -lt 3 ] || [ $# -gt 4 ]; then
  echo "install.sh: give one environment, one wheel, requirements.txt and perhaps extras:" \
    "does dist/ hold wheels of several versions? got: $*" >&2
  exit 2
fi
command -v uv >/dev/null || uv() { python3 -m uv "$@"; }

wheel=$(realpath "$2")
wanted=$(mktemp)
trap 'rm -f "$wanted"' EXIT
printf 'consentid[%s] @ file://%s --hash=sha256:%s\n' \
  "${4:-server,nats,otel}" "$wheel" "$(sha256sum "$wheel" | cut -d' ' -f1)" >"$wanted"
uv pip install --quiet --python "$1" --require-hashes --only-binary :all: \
  --constraints "$3" --requirements "$wanted"
