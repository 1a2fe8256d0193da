#!/usr/bin/env bash
# Make .venv ready and build the console. Usage: scripts/setup.sh [run|test|train]
# GPU=1 takes the CUDA builds for training and .pt inference; otherwise nothing of CUDA is pulled.
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:-run}
venv=.venv
stamp=$venv/.ready

fail() { echo "setup: $*" >&2; exit 1; }

as_root() {  # as_root NAME... : install Debian packages, or name them in one line
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "setup: installing $* with apt-get"
        { apt-get install -y -q --no-install-recommends "$@" || { apt-get update -q && apt-get install -y -q --no-install-recommends "$@"; }; } >/tmp/river-patrol-apt.log 2>&1 \
            || fail "apt-get could not install $*; see /tmp/river-patrol-apt.log"
    else
        fail "missing on this system: $*; run: sudo apt-get install $*"
    fi
}

python=${PYTHON:-python3.11}
command -v "$python" >/dev/null || python=python3
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
    || fail "Python 3.11 or later is needed; install it or set PYTHON=/path/to/python3.11"
"$python" -c 'import ensurepip, venv' 2>/dev/null || as_root python3.11-venv

extras=console
[ "$what" = test ] && extras=console,dev
[ "$what" = train ] && extras=console,dev,train
[ -n "${GPU:-}" ] && extras=$extras,train
[ -f "$stamp" ] && installed=$(cat "$stamp") || installed=
for extra in ${installed//,/ }; do  # never take away what an earlier call installed
    case ",$extras," in *",$extra,"*) ;; *) [ "$extra" = "${extra#sum:}" ] && extras=$extras,$extra ;; esac
done
sum=$(cat pyproject.toml requirements/*.txt | sha256sum | cut -c1-16)${GPU:+gpu}
if [ "$installed" != "$extras,sum:$sum" ]; then
    [ -x $venv/bin/python ] || "$python" -m venv $venv
    case ",$extras," in
        *,train,*) pins=requirements/$([ -n "${GPU:-}" ] && echo gpu || echo cpu).txt ;;
        *) pins=requirements/constraints.txt ;;
    esac
    echo "setup: installing Python packages ($extras) into $venv"
    $venv/bin/python -m pip install -q --disable-pip-version-check -c $pins -e ".[$extras]" \
        || fail "pip could not install the packages.$([ "$pins" = requirements/cpu.txt ] && echo ' If torch was not found: PyTorch keeps its CPU builds on an index of its own; set PIP_EXTRA_INDEX_URL to it.')"
    if [ "$($venv/bin/python -m pip list --disable-pip-version-check 2>/dev/null | grep -c -i '^opencv')" != 1 ]; then
        fail "more than one OpenCV package in $venv; remove $venv and run again"
    fi
    echo "$extras,sum:$sum" >"$stamp"
fi

if [ -f api/console/package.json ]; then
    sources=$(find api/console -path '*/node_modules' -prune -o -path '*/dist' -prune -o -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -c1-16)
    if [ "$(cat api/console/dist/.sources 2>/dev/null)" != "$sources" ]; then
        echo "setup: building the console"
        bin=$PWD/$venv/bin
        (cd api/console && export PATH="$bin:$PATH" && npm ci --no-audit --no-fund --loglevel=error && npm run build --silent) >/tmp/river-patrol-console.log 2>&1 \
            || { tail -20 /tmp/river-patrol-console.log >&2; fail "the console did not build"; }
        echo "$sources" >api/console/dist/.sources
    fi
fi

if [ "$what" != run ] && ! command -v chromium >/dev/null; then
    as_root chromium
fi
echo "setup: ready ($(du -sm $venv | cut -f1) MB in $venv)"
