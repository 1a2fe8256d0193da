#!/usr/bin/env bash
# Make .venv-renders, the Python with Blender as a module (bpy) that renders training pictures.
# Apart from .venv, because bpy pins an older NumPy. Usage: scripts/renders.sh
set -euo pipefail
cd "$(dirname "$0")/.."
venv=.venv-renders
bpy=5.0.1

fail() { echo "renders: $*" >&2; exit 1; }

python=${PYTHON:-python3.11}
command -v "$python" >/dev/null && "$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
    || fail "Python 3.11 is needed, the only version that bpy $bpy is built for; set PYTHON=/path/to/python3.11"
if [ "$(cat $venv/.ready 2>/dev/null)" != "$bpy" ]; then
    [ -x $venv/bin/python ] || "$python" -m venv $venv
    echo "renders: installing bpy $bpy into $venv (about 370 MB)"
    $venv/bin/python -m pip install -q --disable-pip-version-check "bpy==$bpy" "numpy==1.26.4" \
        || fail "pip could not install bpy $bpy. If it was not found: Blender keeps its builds on an index of its own as well; set PIP_EXTRA_INDEX_URL to it."
    $venv/bin/python -I -c 'import bpy' >/dev/null \
        || fail "bpy does not start; on a bare Debian it needs libxi6 libxxf86vm1 libxfixes3 libxrender1 libgl1 libegl1 libsm6 libxkbcommon0"
    echo $bpy >$venv/.ready
fi
echo "renders: ready ($(du -sm $venv | cut -f1) MB in $venv)"
