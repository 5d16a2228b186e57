#!/usr/bin/env bash
# Prepares a checkout: `setup.sh run` for using Tidemark, `setup.sh test` also for every test.
# Each step leaves a stamp with a digest of what it depends on, so a second run takes a moment.
# As root on Debian it installs missing programs by apt (TIDEMARK_NO_APT=1 forbids it); elsewhere it names them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
purpose=${1:-run}
case "$purpose" in run | test) ;; *) echo "usage: setup.sh [run|test]" >&2; exit 2 ;; esac

UV_VERSION=0.13.9
stamps=.venv/.stamps
say() { printf '\033[2m%s\033[0m\n' "$*" >&2; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }
# Networks hiccup; three tries tell a hiccup from a refusal.
retried() { "$@" || { sleep 3; "$@"; } || { sleep 10; "$@"; }; }
digest() { { printf '%s\n' "$*"; cat; } | sha256sum | cut -d' ' -f1; }
fresh() { [ "$(cat "$stamps/$1" 2>/dev/null)" = "$2" ]; }
stamp() { mkdir -p "$stamps"; printf '%s' "$2" >"$stamps/$1"; }

major() { # major PROGRAM ARGUMENT: its first version number, or 0
  command -v "$1" >/dev/null 2>&1 || { echo 0; return; }
  "$@" 2>&1 | grep -oE '[0-9]+(\.[0-9]+)+' | head -n1 | cut -d. -f1 | grep . || echo 0
}
good_python() { "$1" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' >/dev/null 2>&1; }
find_python() { # a name on PATH may be a shim that runs nothing, so each is tried
  local candidate
  for candidate in ${PYTHON:-} python3.11 /usr/bin/python3.11 python3 python3.12 python3.13; do
    if good_python "$candidate"; then command -v "$candidate"; return; fi
  done
  return 1
}

# --- programs of the system -------------------------------------------------------------------------------------
packages=() unmet=()
want() { packages+=("$1"); unmet+=("$2"); } # want DEBIAN_PACKAGE DESCRIPTION
[ -x .venv/bin/python ] || find_python >/dev/null || want "python3 python3-venv" "Python 3.11 to 3.13 with venv"
[ "$(major java -version)" -ge 17 ] || want default-jdk-headless "Java 17 or newer"
[ "$(major mvn -version)" -ge 3 ] || want maven "Maven 3"
{ [ "$(major node --version)" -ge 20 ] && command -v npm >/dev/null; } ||
  want "nodejs npm" "Node.js 20 or newer with npm"
if [ "$purpose" = test ]; then
  command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null ||
    want chromium "Chromium, for the tests of the page"
  compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || command -v postgres >/dev/null ||
    want postgresql "PostgreSQL 15 or newer, for the tests of the event store"
  if command -v apt-get >/dev/null && ! compgen -G '/usr/share/fonts/truetype/*' >/dev/null; then
    want fonts-dejavu-core "a font, for the tests of the page"
  fi
fi
# Ledgers as PDF are typeset in it. Who may not install it goes without PDF, which then says what is missing.
if ! compgen -G '/usr/share/fonts/*/noto*/NotoSansCJK-Regular.ttc' >/dev/null &&
  { [ "$purpose" = test ] || { [ "$(id -u)" = 0 ] && [ -z "${TIDEMARK_NO_APT:-}" ]; }; } &&
  command -v apt-get >/dev/null; then
  want fonts-noto-cjk "the typeface Noto Sans CJK, for ledgers as PDF"
fi
if [ "${#packages[@]}" -gt 0 ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && [ -z "${TIDEMARK_NO_APT:-}" ]; then
    say "installing by apt: ${packages[*]}"
    if [[ " ${packages[*]} " == *" postgresql "* ]] && [ ! -e /etc/postgresql-common ]; then
      # The tests start servers of their own; Debian would otherwise start one for the whole machine.
      mkdir -p /etc/postgresql-common
      echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
    fi
    export DEBIAN_FRONTEND=noninteractive
    retried apt-get update -qq
    # shellcheck disable=SC2068  # an entry may name two packages
    retried apt-get install -y -qq --no-install-recommends -o Dpkg::Options::=--force-confold ${packages[@]} \
      >&2 </dev/null || fail "apt could not install: ${packages[*]}"
    [ "$(major node --version)" -ge 20 ] || fail "this system's Node.js is older than 20: install Node.js 20 or newer"
  else
    printf 'setup: missing: %s\n' "${unmet[@]}" >&2
    fail "install these (on Debian: apt-get install ${packages[*]}), then try again"
  fi
fi

# --- Python -----------------------------------------------------------------------------------------------------
if ! .venv/bin/python -c '' 2>/dev/null; then
  python=$(find_python) || fail "no Python 3.11 to 3.13 with venv found; set PYTHON to one"
  say "making .venv with $python"
  rm -rf .venv
  "$python" -m venv .venv
fi
install_python_packages() {
  wanted=$(digest "$UV_VERSION" <requirements.lock)
  if ! fresh python "$wanted"; then
    say "installing the Python packages of requirements.lock"
    [ "$(.venv/bin/uv --version 2>/dev/null | cut -d' ' -f2)" = "$UV_VERSION" ] ||
      retried .venv/bin/python -m pip install --quiet --disable-pip-version-check "uv==$UV_VERSION"
    retried .venv/bin/uv pip sync --quiet --compile-bytecode --python .venv/bin/python --require-hashes requirements.lock
    stamp python "$wanted"
    rm -f "$stamps/package"
  fi
  # The checkout's place is part of the stamp: an environment that was moved or copied still names the old one.
  wanted=$(digest "$PWD" <pyproject.toml)
  if ! fresh package "$wanted"; then
    retried .venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --editable .
    stamp package "$wanted"
  fi
}

# Here, so that the first worker does not spend half a minute on them.
compile_loops() {
  wanted=$(cat requirements.lock engines/primitives/compiled.py engines/actus/*.py streams/*.py projections/*.py | digest)
  if ! fresh compiled "$wanted"; then
    say "compiling the decoder"
    .venv/bin/python -c 'from streams.warm import warm; warm(explains=True)' >&2
    stamp compiled "$wanted"
  fi
}

fetch_kafka() {
  wanted=$(digest <infra/kafka/pom.xml)
  if ! fresh kafka "$wanted"; then
    say "fetching Kafka by Maven"
    retried .venv/bin/python -c 'from infra.kafka.archive import prepare; prepare()' >&2
    stamp kafka "$wanted"
  fi
}

build_page() {
  wanted=$(digest <api/page/package-lock.json)
  if ! fresh page-packages "$wanted" || [ ! -d api/page/node_modules ]; then
    say "installing the page's packages"
    (cd api/page && retried npm ci --no-audit --no-fund --loglevel=error >&2)
    stamp page-packages "$wanted"
    rm -f "$stamps/page"
  fi
  if [ "$purpose" = test ]; then
    wanted=$(digest <tests/client/package-lock.json)
    if ! fresh client-packages "$wanted" || [ ! -d tests/client/node_modules ]; then
      say "installing the packages of the generated client"
      (cd tests/client && retried npm ci --no-audit --no-fund --loglevel=error >&2)
      stamp client-packages "$wanted"
    fi
  fi
  wanted=$(find api/page -path api/page/node_modules -prune -o -path api/page/dist -prune -o -type f -print |
    LC_ALL=C sort | xargs -d '\n' sha256sum | digest)
  if ! fresh page "$wanted" || [ ! -f api/page/dist/index.html ]; then
    say "building the page"
    (cd api/page && npm run --silent build >&2)
    stamp page "$wanted"
  fi
}

# --- side by side: one waits for the network, another computes ------------------------------------------------------
strands=()
trap '[ "${#strands[@]}" = 0 ] || kill "${strands[@]}" 2>/dev/null || true' EXIT  # what failed takes the others along
build_page & strands+=($!)
install_python_packages
fetch_kafka & strands+=($!)
compile_loops
for strand in "${strands[@]}"; do wait "$strand"; done
strands=()
