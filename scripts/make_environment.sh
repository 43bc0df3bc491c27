#!/bin/sh
# Create, complete, repair, or remove the Python environment of the study.
#
#     sh scripts/make_environment.sh [--check] VENV PYTHON LOCK...
#     sh scripts/make_environment.sh --remove VENV
#
# PYTHON is the interpreter. If it is empty, an existing environment keeps its own, and a new one uses
# the first suitable one. LOCK is a file such as requirements/study.txt; the last of several includes
# the packages of the others.
# --check only reports, quickly, by its exit code whether setup finished with these lock files.
# Without it, every installed file is checked.
set -eu
unset PYTHONPATH PYTHONHOME # ignore packages of other installations
here=${0%/*}

action=
case $1 in --check | --remove) action=$1; shift ;; esac
venv=$1
stamp=$venv/.setup-stamp

refuse() {
    echo "Not touching $venv: $1." >&2
    echo "VENV must be a new or empty folder, or an environment without other files." >&2
    exit 1
}

guard() { # environments may be emptied, so VENV must not be another folder by mistake
    [ -n "$venv" ] || refuse "no folder is given"
    [ -e "$venv" ] || return 0
    [ -d "$venv" ] || refuse "it is not a folder"
    case $(cd "$here/.." && pwd -P)/ in "$(cd "$venv" && pwd -P)"/*) refuse "it contains the study itself" ;; esac
    content=$(ls -A "$venv")
    [ -n "$content" ] || return 0
    [ -f "$venv/pyvenv.cfg" ] || refuse "it is neither empty nor a Python environment"
    for name in "$venv"/* "$venv"/.[!.]* "$venv"/..?*; do
        case ${name##*/} in
        bin | include | lib | lib64 | share | etc | man | pyvenv.cfg) ;; # of venv and packages
        .gitignore | .lock | CACHEDIR.TAG) ;;                           # of newer venv, and of uv
        audit | bench | kubernetes | lsf | uv | .setup-stamp | .no-*) ;;                   # ours
        *) if [ -e "$name" ]; then refuse "it contains ${name##*/}, which is not part of an environment"; fi ;;
        esac
    done
}

if [ "$action" = --remove ]; then
    guard
    rm -rf "$venv"
    exit 0
fi

python=$2
shift 2
for lock; do :; done # the last argument

version_of() { # empty for a missing or broken interpreter
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || true
}

is_supported() {
    case $1 in 3.11 | 3.12 | 3.13) ;; *) return 1 ;; esac
}

describe() { # a finished environment: its Python, path (it cannot be moved) and packages
    echo "$present" && (cd "$venv" && pwd -P) && cksum "$@"
}

is_usable() {
    is_supported "$present" && { [ -z "$python" ] || [ "$(version_of "$python")" = "$present" ]; }
}

is_current() {
    is_usable && [ -f "$stamp" ] && ! describe "$@" | grep -Fqvxf "$stamp"
}

find_python() { # the requested interpreter, or the first suitable one
    found=
    for candidate in ${python:-python3 python3.13 python3.12 python3.11}; do
        version=$(version_of "$candidate")
        if is_supported "$version"; then python=$candidate; return; fi
        found="$found $candidate (${version:-not found}),"
    done
    echo "The study needs Python 3.11, 3.12 or 3.13. Found:${found%,}." >&2
    echo "To choose another one: make setup PYTHON=/path/to/python3.12" >&2
    exit 1
}

create() {
    find_python
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        echo "$python cannot create environments: its modules venv and ensurepip are missing." >&2
        echo "On Debian and Ubuntu: sudo apt-get install python$version-venv" >&2
        exit 1
    fi
    if [ -f "$venv/pyvenv.cfg" ]; then
        echo "Rebuilding $venv: it is incomplete, broken, or has another Python."
    fi
    "$python" -m venv --clear "$venv"
    present=$(version_of "$venv/bin/python")
    damaged=
}

run_pip() { # one retry, to fail quickly without a package index
    "$venv/bin/python" -m pip -qq --disable-pip-version-check --no-input --retries 1 "$@"
}

has_uv() { # the locked version, in the environment or beside the requested Python
    for uv in "$venv/bin/uv" "${python%/*}/uv"; do
        if "$uv" --version 2>/dev/null | grep -Fq "uv $uv_version "; then return; fi
    done
    return 1
}

is_complete() {
    has_uv && "$uv" pip install --quiet --no-config --offline --check \
        --python "$venv/bin/python" --require-hashes --requirement "$lock" >/dev/null 2>&1
}

honor() { # set VARIABLE to pip's SETTING, unless it is set: uv does not read pip's configuration
    eval "[ -z \"\${$1:-}\" ]" || return 0
    value=
    for section in global install :env:; do # the last one wins, as in pip
        found=$(echo "$settings" | sed -n "s/^$section\.$2=['\"]\(.*\)['\"]\$/\1/p" |
            sed 's/\\n/ /g; s/^ *//; s/ *$//')
        value=${found:-$value}
    done
    [ -z "$value" ] || export "$1=$value"
}

install_with_uv() {
    has_uv || { run_pip install --only-binary :all: --require-hashes -r "$uv_lock" && has_uv; } ||
        return 1
    settings=$("$venv/bin/python" -m pip config list 2>/dev/null || true)
    honor UV_DEFAULT_INDEX index-url
    honor UV_INDEX extra-index-url
    honor UV_FIND_LINKS find-links
    honor UV_NO_INDEX no-index
    honor SSL_CERT_FILE cert
    honor ALL_PROXY proxy
    reinstall=
    for name in $damaged; do reinstall="$reinstall --reinstall-package $name"; done
    # Files in the environment are links into uv's cache, which may be damaged as well.
    [ -z "$damaged" ] || "$uv" cache clean --quiet $damaged
    # Packages may come from any index, since hashes are locked. Other packages are removed: they
    # may be left from an older lock and share files with locked ones.
    "$uv" pip install --quiet --exact --compile-bytecode --index-strategy unsafe-best-match \
        --python "$venv/bin/python" $reinstall --require-hashes --requirement "$lock"
}

install_with_pip() {
    echo "Installing with pip, because uv is not available:"
    [ -z "$damaged" ] || create
    run_pip install --require-hashes -r "$lock"
}

present=$(version_of "$venv/bin/python")
if [ "$action" = --check ]; then is_current "$@" && exit 0 || exit 1; fi

guard
uv_lock=$here/../requirements/uv.txt
uv_version=$(sed -n 's/^uv==\([^ ]*\).*/\1/p' "$uv_lock")
damaged=
if ! is_usable || ! damaged=$("$venv/bin/python" -I "$here/find_damaged_packages.py"); then
    create
fi
if [ -z "$damaged" ] && is_current "$@" && is_complete; then exit 0; fi

rm -f "$stamp"
case $lock in
*/audit.txt) size="seconds and 150 MB" ;;
*/bench.txt) size="half a minute and 0.7 GB" ;;
*/gpu.txt) size="some minutes and 7 GB" ;;
*) size="half a minute and 2 GB" ;;
esac
echo "Installing Python packages into $venv: $size the first time ..."
[ -z "$damaged" ] || echo "Replacing damaged packages:" $damaged
if ! install_with_uv && ! install_with_pip; then
    echo "The Python packages could not be installed (see above)." >&2
    echo "Can this machine reach a package index? Set another one by PIP_INDEX_URL or pip's" >&2
    echo "configuration, and run the command again: downloaded packages are kept." >&2
    exit 1
fi
describe "$@" >"$stamp"
