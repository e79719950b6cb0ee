#!/bin/sh
# Set up what glnn needs on this machine: system packages (through apt, where root allows it), a virtual environment
# and the Python packages of one extra. Usage: scripts/setup.sh EXTRA [--glslang] [--libgl] [--chromium]
# PYTHON names the interpreter to start from (default python3), VENV the environment (default .venv).
set -eu
cd "$(dirname "$0")/.."

extra=${1:?usage: scripts/setup.sh EXTRA [--glslang] [--libgl] [--chromium]}
python=${PYTHON:-python3}
venv=${VENV:-.venv}

say() { printf 'setup: %s\n' "$*" >&2; }

installed() { dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q '^install ok installed'; }

# The browser that tests/support/browser.py would find.
have_browser() {
    command -v "${GLNN_CHROMIUM:-chromium}" || command -v chromium-browser || command -v google-chrome
}

missing_packages() {
    for package in libegl1 libgl1-mesa-dri; do
        installed "$package" || echo "$package"
    done
    for argument; do
        case $argument in
            --glslang) command -v glslangValidator >/dev/null || echo glslang-tools ;;
            --libgl) installed libgl1 || echo libgl1 ;; # for the other users of OpenGL that the tests run beside glnn
            --chromium) have_browser >/dev/null || echo chromium ;;
        esac
    done
    if [ ! -x "$venv/bin/python" ]; then
        command -v "$python" >/dev/null || echo python3
        "$python" -c 'import venv, ensurepip' 2>/dev/null || echo python3-venv
    fi
}

apt_install() {
    # shellcheck disable=SC2086  # the packages are words
    $1 apt-get update -q && $1 env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $2
}

system_packages() {
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        if [ "$(uname -s)" = Linux ] && ! "$python" -c 'import ctypes; ctypes.CDLL("libEGL.so.1")' 2>/dev/null; then
            say "libEGL.so.1 is missing and this system has no apt. Install Mesa's EGL and software renderer:"
            say "  Fedora: dnf install mesa-libEGL mesa-dri-drivers glslang    Arch: pacman -S mesa glslang"
            exit 1
        fi
        return 0
    fi
    missing=$(missing_packages "$@" | tr '\n' ' ' | sed 's/ $//')
    [ -n "$missing" ] || return 0
    line="apt-get update && apt-get install -y --no-install-recommends $missing"
    say "installing system packages: $missing"
    if [ "$(id -u)" = 0 ]; then
        apt_install "" "$missing" || { say "that failed. Run as root: $line"; exit 1; }
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        apt_install "sudo -n" "$missing" || { say "that failed. Run as root: $line"; exit 1; }
    else
        say "no root rights here. Run this line, then make again:"
        say "  sudo sh -c '$line'"
        exit 1
    fi
}

python_environment() {
    if [ ! -x "$venv/bin/python" ]; then
        "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || {
            say "$("$python" --version) is too old: glnn needs Python 3.10 or later. Name one: make PYTHON=python3.11 ..."
            exit 1
        }
        say "making the virtual environment $venv"
        "$python" -m venv "$venv"
    fi
    say "installing glnn[$extra] into $venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -e ".[$extra]"
}

system_packages "$@"
python_environment
