#!/bin/sh
# Make, complete or repair the Python environment of the study.
#
#     sh scripts/make_environment.sh [--check] VENV PYTHON requirements.txt [requirements-dev.txt]
#
# PYTHON is the interpreter to use; empty means any that fits, and an environment that is there
# keeps its own. Of two lock files the second one holds the packages of both. With --check
# nothing is changed: the exit code says whether all is there.
set -eu
unset PYTHONPATH PYTHONHOME # packages of another installation must not count as installed here

check=
if [ "$1" = --check ]; then check=yes; shift; fi
venv=$1 python=$2
shift 2
for lock; do :; done # the last one
stamp=$venv/.setup-stamp

version_of() { # an interpreter that is missing or broken has no version
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || true
}

is_supported() {
    case $1 in 3.11 | 3.12 | 3.13) ;; *) return 1 ;; esac
}

describe() { # a finished environment: its Python, its place (it cannot be moved), its packages
    echo "$present" && (cd "$venv" && pwd -P) && cksum "$@"
}

is_usable() {
    is_supported "$present" && { [ -z "$python" ] || [ "$(version_of "$python")" = "$present" ]; }
}

is_current() {
    is_usable && [ -f "$stamp" ] && ! describe "$@" | grep -Fqvxf "$stamp"
}

is_whole() { # pip writes INSTALLER last, so a package without it was interrupted half-way
    "$venv/bin/python" -m pip --version >/dev/null 2>&1 && "$venv/bin/python" -c '
from importlib.metadata import distributions
raise SystemExit(not all(package.read_text("INSTALLER") for package in distributions()))'
}

find_python() { # the one that was asked for, or the first that fits
    found=
    for candidate in ${python:-python3 python3.13 python3.12 python3.11}; do
        version=$(version_of "$candidate")
        if is_supported "$version"; then python=$candidate; return; fi
        found="$found $candidate (${version:-not there}),"
    done
    echo "The study needs Python 3.11, 3.12 or 3.13. Found:${found%,}." >&2
    echo "To choose another: make setup PYTHON=/path/to/python3.12" >&2
    exit 1
}

create() {
    find_python
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        echo "$python cannot make environments: its modules venv and ensurepip are missing." >&2
        echo "On Debian and Ubuntu: sudo apt-get install python$version-venv" >&2
        exit 1
    fi
    # Only what is an environment is emptied: VENV could be anybody's folder by mistake.
    clear=
    if [ -f "$venv/pyvenv.cfg" ]; then
        echo "Making $venv anew: it is unfinished, broken, or has another Python."
        clear=--clear
        rm -f "$stamp"
    fi
    "$python" -m venv $clear "$venv"
    present=$(version_of "$venv/bin/python")
}

present=$(version_of "$venv/bin/python")
if is_current "$@"; then exit 0; fi
[ -z "$check" ] || exit 1

if ! is_usable || ! is_whole; then create; fi
rm -f "$stamp"
echo "Installing Python packages into $venv: about a minute and 2.4 GB the first time ..."
if ! "$venv/bin/python" -m pip install -qq --disable-pip-version-check --no-input \
    --require-hashes -r "$lock"; then
    echo "The Python packages could not be installed: see above. Then run the command again;" >&2
    echo "what has been downloaded is kept." >&2
    exit 1
fi
describe "$@" >"$stamp"
