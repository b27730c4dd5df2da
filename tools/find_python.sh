#!/bin/sh
# Prints the Python to use: the first of python3, python3.13, python3.12, python3.11 and
# pyenv's that runs and is 3.11 or later. With "all": one of each of those versions that
# is there, a line each.
new_enough() {
    "$1" -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

is_version() {
    "$1" -c "import sys, venv; sys.exit('%d.%d' % sys.version_info[:2] != '$2')" 2>/dev/null
}

# Candidates for a version, the one on PATH first. pyenv's shims fail for versions that
# are not switched on; then its folder has them.
candidates() {
    command -v "python$1"
    for python in "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1".*/bin/python; do
        [ -x "$python" ] && echo "$python"
    done
}

if [ "$1" = all ]; then
    for version in 3.11 3.12 3.13; do
        for python in $(candidates $version); do
            if is_version "$python" $version; then
                echo "$python"
                break
            fi
        done
    done
    exit 0
fi

for python in $(command -v python3) $(candidates 3.13) $(candidates 3.12) $(candidates 3.11); do
    if new_enough "$python"; then
        echo "$python"
        exit 0
    fi
done
echo "wazero needs Python 3.11 or later with the module venv; say PYTHON=/path/to/python" >&2
exit 1
