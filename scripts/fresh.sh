#!/bin/sh
# Runs the README's two commands in minimal roots of Debian, made anew and without Python, and removes them.
# Usage: scripts/fresh.sh [SUITE...], by default bookworm and trixie (Debian 12 and 13). Needs root and debootstrap.
# What is committed is what runs. PYTEST_ARGS goes to `make test`; MIRROR names another mirror of Debian; variables of
# proxies and pip (http_proxy, PIP_...) go along, and the certificates that PIP_CERT names.
set -eu
cd "$(dirname "$0")/.."

say() { printf 'fresh: %s\n' "$*" >&2; }

[ "$(id -u)" = 0 ] || { say "a root of its own needs root rights: sudo make fresh"; exit 1; }
for tool in debootstrap unshare chroot; do
    command -v $tool >/dev/null || { say "$tool is missing: apt-get install debootstrap util-linux"; exit 1; }
done
[ -z "$(git status --porcelain)" ] || say "what is not committed stays out"

root=""
clean() {
    # Mounts live in a namespace of their own and went with it: what is left are files.
    [ -z "$root" ] || rm -rf --one-file-system "$root"
}
trap clean EXIT
trap 'exit 130' INT TERM

# The commands as a user would type them, after what a fresh machine has: processes, terminals, shared memory.
inside=$(cat <<'EOF'
set -eu
mount -t proc proc "$1/proc"
mkdir -p "$1/dev/shm" "$1/dev/pts"
mount -t devpts devpts "$1/dev/pts"
mount -t tmpfs tmpfs "$1/dev/shm"
shift
exec chroot "$@"
EOF
)

forwarded() {
    env | grep -E '^(https?_proxy|HTTPS?_PROXY|no_proxy|NO_PROXY|PIP_(INDEX_URL|EXTRA_INDEX_URL|TRUSTED_HOST|DEFAULT_TIMEOUT))=' || true
    [ -z "${PIP_CERT:-}" ] || echo "PIP_CERT=/etc/fresh.crt"
}

run_in() {
    # shellcheck disable=SC2046  # words without spaces
    unshare --mount --pid --fork sh -c "$inside" sh "$root" "$root" /usr/bin/env -i HOME=/root LANG=C.UTF-8 \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin PYTEST_ARGS="${PYTEST_ARGS:-}" $(forwarded) "$@"
}

for suite in ${*:-bookworm trixie}; do
    root=$(mktemp -d "${TMPDIR:-/tmp}/glnn-fresh-$suite.XXXXXX")
    chmod 755 "$root"
    say "$suite: making a minimal root in $root"
    debootstrap --variant=minbase --include=make,ca-certificates "$suite" "$root" \
        "${MIRROR:-http://deb.debian.org/debian}" >"$root.log" 2>&1 || { tail -5 "$root.log" >&2; exit 1; }
    rm -f "$root.log"
    if chroot "$root" sh -c 'command -v python3 || command -v gcc' >&2; then
        say "$suite: the root is not minimal"
        exit 1
    fi
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    [ -z "${PIP_CERT:-}" ] || cp "$PIP_CERT" "$root/etc/fresh.crt"
    mkdir "$root/glnn"
    git archive HEAD | tar -x -C "$root/glnn"
    for target in demo test; do
        say "$suite: make $target"
        start=$(date +%s)
        run_in make -C /glnn $target || { say "$suite: make $target failed"; exit 1; }
        say "$suite: make $target took $(($(date +%s) - start)) s"
    done
    clean
    root=""
done
say "both commands ran in: ${*:-bookworm trixie}"
