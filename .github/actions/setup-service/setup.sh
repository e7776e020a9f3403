#!/bin/sh
# Puts the binary of one service on this machine, and names it in the step's outputs.
#
#   setup.sh plan  says where it would come from, for the cache: outputs `mode`, `archive`, `key`
#   setup.sh       brings it: outputs `path` and `version`
#
#   SERVICE_NAME     the binary's name, which is its crate's name
#   SERVICE_BIN_DIR  a folder that has the binary already, for runs on one's own machine
#   GH_TOKEN         lets gh, where there is one, verify who built the archive
#   RUNNER_TEMP      where archives are kept
#   GITHUB_OUTPUT    gets the outputs
#
# With .github/services.lock, the release's archive that stands there is fetched, and nothing in it
# is run or unpacked before its SHA-256 is that of the lock, also if it comes from a cache. Without
# one, the crate is built.
set -eu

refuse() {
    echo "::error title=setup-service::$1"
    exit 1
}

# A name of a crate, so that it can be no path and no flag.
case "$SERVICE_NAME" in
"" | -* | *[!a-z0-9-]*) refuse "the input 'service' must be a name of small letters, digits and hyphens" ;;
esac

root="$(cd "$(dirname "$0")/../../.." && pwd)"
lock="$root/.github/services.lock"
kept="${RUNNER_TEMP:-${TMPDIR:-/tmp}}/backroom-services"

# The targets that run on this machine, the one without needs first.
runnable() {
    case "$(uname -m)" in
    x86_64 | amd64) cpu=x86_64 ;;
    aarch64 | arm64) cpu=aarch64 ;;
    *) cpu="$(uname -m)" ;;
    esac
    case "$(uname -s)" in
    Linux) echo "$cpu-unknown-linux-musl $cpu-unknown-linux-gnu" ;;
    Darwin) echo "$cpu-apple-darwin" ;;
    *) echo "$cpu-$(uname -s)" ;;
    esac
}

# Sets `archive` and `sha256` to what the lock says of the service on this machine.
locked() {
    targets="$(runnable)"
    for target in $targets; do
        line="$(awk -v name="$SERVICE_NAME" -v target="$target" \
            '$1 == name && $2 == target { print $3, $4; exit }' "$lock")"
        [ -z "$line" ] || break
    done
    [ -n "$line" ] || refuse "services.lock has no '$SERVICE_NAME' for $targets: write it anew with cargo xtask release lock, or remove it to have the service built here"
    archive="${line%% *}"
    sha256="${line#* }"
    case "$archive" in
    "" | -* | *[!A-Za-z0-9._-]*) refuse "services.lock names the archive '$archive', which is no plain file name" ;;
    esac
    case "$sha256" in
    *[!0-9a-f]*) sha256= ;;
    esac
    [ "${#sha256}" -eq 64 ] || refuse "services.lock has no SHA-256 for '$archive': write it anew with cargo xtask release lock"
}

sum() {
    if command -v sha256sum >/dev/null; then
        sha256sum "$1"
    else
        shasum -a 256 "$1"
    fi | cut -d ' ' -f 1
}

# Brings the archive to `$kept`, whole and verified.
fetch() {
    source="$(awk '$1 == "source" { print $2; exit }' "$lock")"
    case "$source" in
    https://* | http://127.0.0.1:*) ;;
    *) refuse "services.lock has no https:// line 'source': write it anew with cargo xtask release lock --source URL" ;;
    esac
    rm -f "$kept/$archive" "$kept/$archive.part"
    curl --fail --location --silent --show-error --retry 3 --proto-redir =https \
        --output "$kept/$archive.part" "$source/$archive" ||
        refuse "cannot fetch '$source/$archive' whole: run this again; if it stays so, the release is gone"
    [ "$(sum "$kept/$archive.part")" = "$sha256" ] ||
        refuse "'$source/$archive' does not have the SHA-256 of services.lock: it was cut off or changed, and was not run"
    attested "$kept/$archive.part" "$source"
    mv "$kept/$archive.part" "$kept/$archive"
}

# Has gh verify that the release's own workflow built the file, where gh can: it is there, signed in,
# and lets in. The checksum is what decides otherwise.
attested() {
    repository="$(printf '%s\n' "$2" | sed -n 's|^https://github\.com/\([^/]*/[^/]*\)/releases/.*|\1|p')"
    if [ -z "$repository" ] || [ -z "${GH_TOKEN:-}" ] || ! command -v gh >/dev/null; then
        echo "not verified who built $archive: that takes gh, a GH_TOKEN and a release on GitHub"
        return
    fi
    said="$(gh attestation verify "$1" --repo "$repository" \
        --signer-workflow "$repository/.github/workflows/release.yml" 2>&1)" && {
        echo "verified: $archive was built by release.yml of $repository"
        return
    }
    case "$said" in
    *"HTTP 401"* | *"HTTP 403"* | *"unknown command"*)
        echo "::notice title=setup-service::gh could not verify who built $archive: the token may not read attestations"
        ;;
    *)
        rm -f "$1"
        refuse "gh does not confirm that release.yml of '$repository' built '$archive': it was not run"
        ;;
    esac
}

if [ -n "${SERVICE_BIN_DIR:-}" ]; then
    mode=local
elif [ -f "$lock" ]; then
    mode=release
    locked
else
    mode=build
fi

if [ "${1:-}" = plan ]; then
    {
        echo "mode=$mode"
        if [ "$mode" = release ]; then
            echo "archive=$kept/$archive"
            echo "key=service-$sha256"
        fi
    } >>"$GITHUB_OUTPUT"
    exit 0
fi

case "$mode" in
local)
    path="$SERVICE_BIN_DIR/$SERVICE_NAME"
    [ -x "$path" ] || refuse "SERVICE_BIN_DIR has no program '$SERVICE_NAME'; build it with cargo build -p $SERVICE_NAME"
    ;;
release)
    mkdir -p "$kept"
    if [ -f "$kept/$archive" ] && [ "$(sum "$kept/$archive")" != "$sha256" ]; then
        echo "::warning title=setup-service::the cache's '$archive' does not have the SHA-256 of services.lock, and is fetched anew: delete the cache 'service-$sha256'"
        rm -f "$kept/$archive"
    fi
    [ -f "$kept/$archive" ] || fetch
    rm -rf "${kept:?}/$sha256"
    mkdir "$kept/$sha256"
    tar -xJf "$kept/$archive" -C "$kept/$sha256" || refuse "cannot unpack '$archive': tar needs xz"
    path="$kept/$sha256/${archive%.tar.xz}/$SERVICE_NAME"
    [ -x "$path" ] || refuse "'$archive' holds no program '$SERVICE_NAME'"
    ;;
build)
    command -v cargo >/dev/null || refuse "there is no cargo to build '$SERVICE_NAME' with; install Rust, or set SERVICE_BIN_DIR"
    (cd "$root" && cargo build --release --locked --package "$SERVICE_NAME")
    path="$root/target/release/$SERVICE_NAME"
    case "${CARGO_TARGET_DIR:-}" in
    /*) path="$CARGO_TARGET_DIR/release/$SERVICE_NAME" ;;
    ?*) path="$root/$CARGO_TARGET_DIR/release/$SERVICE_NAME" ;;
    esac
    [ -x "$path" ] || refuse "cargo built no program '$SERVICE_NAME'"
    ;;
esac

version="$("$path" --version | head -n 1)"
[ -n "$version" ] || refuse "'$SERVICE_NAME --version' failed: the binary doesn't fit this machine"
{
    echo "path=$path"
    echo "version=$version"
} >>"$GITHUB_OUTPUT"
echo "$version from $path"
