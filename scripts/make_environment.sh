#!/bin/sh
# Create, complete, or repair the Python environment of the study, or remove it.
#
#     sh scripts/make_environment.sh [--check] VENV PYTHON LOCK...
#     sh scripts/make_environment.sh --remove VENV
#
# PYTHON is the interpreter to use. If it is empty, an existing environment keeps its own, and a new
# one gets the first that fits. LOCK is a file such as requirements/study.txt; if several are given,
# the last one holds the packages of all.
# --check changes nothing and takes no time: the exit code says whether set-up finished with these
# lock files. Without it, every installed file is looked for.
set -eu
unset PYTHONPATH PYTHONHOME # packages of another installation must not count as installed here
here=${0%/*}

action=
case $1 in --check | --remove) action=$1; shift ;; esac
venv=$1
stamp=$venv/.setup-stamp

refuse() {
    echo "Not touching $venv: $1." >&2
    echo "VENV must be a new or empty folder, or an environment that holds nothing else." >&2
    exit 1
}

guard() { # an environment may be emptied, and VENV could be anybody's folder by mistake
    [ -n "$venv" ] || refuse "no folder is given"
    [ -e "$venv" ] || return 0
    [ -d "$venv" ] || refuse "it is not a folder"
    case $(cd "$here/.." && pwd -P)/ in "$(cd "$venv" && pwd -P)"/*) refuse "it holds the study itself" ;; esac
    content=$(ls -A "$venv")
    [ -n "$content" ] || return 0
    [ -f "$venv/pyvenv.cfg" ] || refuse "it is not empty, and no Python environment"
    for name in "$venv"/* "$venv"/.[!.]* "$venv"/..?*; do
        case ${name##*/} in
        bin | include | lib | lib64 | share | etc | man | pyvenv.cfg) ;; # of venv and packages
        .gitignore | .lock | CACHEDIR.TAG) ;;                           # of newer venv, and of uv
        bench | uv | .setup-stamp | .no-*) ;;                           # ours
        *) if [ -e "$name" ]; then refuse "it holds ${name##*/}, which is no part of one"; fi ;;
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
for lock; do :; done # the last one

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
    if [ -f "$venv/pyvenv.cfg" ]; then
        echo "Rebuilding $venv: it is unfinished, broken, or has another Python."
    fi
    "$python" -m venv --clear "$venv"
    present=$(version_of "$venv/bin/python")
    damaged=
}

run_pip() { # one retry: without a package index, nobody should wait a minute to hear of it
    "$venv/bin/python" -m pip -qq --disable-pip-version-check --no-input --retries 1 "$@"
}

has_uv() { # the locked version, here or beside the Python that was asked for
    for uv in "$venv/bin/uv" "${python%/*}/uv"; do
        if "$uv" --version 2>/dev/null | grep -Fq "uv $uv_version "; then return; fi
    done
    return 1
}

is_complete() {
    has_uv && "$uv" pip install --quiet --no-config --offline --check \
        --python "$venv/bin/python" --require-hashes --requirement "$lock" >/dev/null 2>&1
}

honor() { # uv does not read pip's configuration: set VARIABLE to pip's SETTING, unless it is set
    eval "[ -z \"\${$1:-}\" ]" || return 0
    value=
    for section in global install :env:; do # the last one wins, as with pip
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
    # Files in the environment are links into uv's cache, so damage may have reached the cache too.
    [ -z "$damaged" ] || "$uv" cache clean --quiet $damaged
    # Whichever index has it, a package must have one of the locked hashes. What is not locked goes:
    # it could be the remains of an older lock, and share files with what is.
    "$uv" pip install --quiet --exact --compile-bytecode --index-strategy unsafe-best-match \
        --python "$venv/bin/python" $reinstall --require-hashes --requirement "$lock"
}

install_with_pip() {
    echo "Without uv, by pip alone:"
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
*/bench.txt) size="half a minute and 0.7 GB" ;;
*) size="half a minute and 2 GB" ;;
esac
echo "Installing Python packages into $venv: $size the first time ..."
[ -z "$damaged" ] || echo "Damaged, to be replaced:" $damaged
if ! install_with_uv && ! install_with_pip; then
    echo "The Python packages could not be installed, for the reason above." >&2
    echo "Can this machine reach a package index? PIP_INDEX_URL, or pip's configuration, names" >&2
    echo "another one. Then run the command again: downloaded packages are kept." >&2
    exit 1
fi
describe "$@" >"$stamp"
