#!/bin/sh
# Installs programs of Backroom from a release: all of them, or those that are named.
#
# Everything is fetched and its checksum compared with the release's sha256.sum before anything is
# put in place; each program is put in place by one rename. So a broken download changes nothing.
set -eu

# A release has its own URL written here.
default_source='@SOURCE@'
case "$default_source" in https://*) ;; *) default_source= ;; esac
source="${BACKROOM_FROM:-$default_source}"
dir="${BACKROOM_DIR:-${HOME:-}/.local/bin}"
target=
services=

usage() {
    cat <<'TEXT'
install.sh [SERVICE...] [--from DIR|URL] [--dir DIR] [--target TRIPLE]

  SERVICE           programs to install; without one: all, and the models that a store needs
  --from DIR|URL    the folder with the archives and sha256.sum (or BACKROOM_FROM)
  --dir DIR         where the programs go, ~/.local/bin without it (or BACKROOM_DIR)
  --target TRIPLE   the programs' target instead of this machine's
TEXT
}

fail() {
    printf 'error: %s\n' "$1" >&2
    exit "${2:-1}"
}

while [ $# -gt 0 ]; do
    case "$1" in
    --from | --dir | --target)
        [ $# -ge 2 ] && [ -n "$2" ] || fail "'$1' needs a value" 2
        case "$1" in
        --from) source="$2" ;;
        --dir) dir="$2" ;;
        --target) target="$2" ;;
        esac
        shift 2
        ;;
    -h | --help)
        usage
        exit 0
        ;;
    -* | *[!a-z0-9-]* | "") fail "'$1' is no name of a service and no flag; see --help" 2 ;;
    *)
        services="$services $1"
        shift
        ;;
    esac
done
[ -n "$source" ] || fail "where from? name a folder or an https:// URL with --from" 2
[ "$dir" != /.local/bin ] || fail "there is no HOME: name a folder with --dir" 2
source="${source%/}"

# The targets that run here, the one without needs first.
runnable() {
    case "$(uname -m)" in
    x86_64 | amd64) cpu=x86_64 ;;
    aarch64 | arm64) cpu=aarch64 ;;
    *) fail "there are no programs for the processor '$(uname -m)': build them with cargo" ;;
    esac
    case "$(uname -s)" in
    Linux) echo "$cpu-unknown-linux-musl $cpu-unknown-linux-gnu" ;;
    Darwin) echo "$cpu-apple-darwin" ;;
    *) fail "there are no programs for '$(uname -s)' here: build them with cargo" ;;
    esac
}
targets="${target:-$(runnable)}"

# fetch FILE: brings a file of the source into $work.
fetch() {
    case "$source" in
    https://* | http://*)
        if command -v curl >/dev/null; then
            # A redirect may not lead from https to something weaker.
            curl --fail --location --silent --show-error --proto-redir =https \
                --output "$work/$1" "$source/$1"
        elif command -v wget >/dev/null; then
            wget --quiet --output-document="$work/$1" "$source/$1"
        else
            fail "neither curl nor wget is here to fetch '$source/$1'"
        fi || fail "cannot fetch '$source/$1' whole; nothing was installed"
        ;;
    *)
        [ -f "$source/$1" ] || fail "there is no '$source/$1'"
        cp "$source/$1" "$work/$1"
        ;;
    esac
}

sha256() {
    if command -v sha256sum >/dev/null; then
        sha256sum "$1"
    elif command -v shasum >/dev/null; then
        shasum -a 256 "$1"
    else
        openssl dgst -sha256 -r "$1"
    fi | cut -d ' ' -f 1
}

# listed FILE: its checksum in sha256.sum, if it is there.
listed() {
    awk -v name="$1" '$2 == name || $2 == "*" name { print $1 }' "$work/sha256.sum"
}

mkdir -p "$dir" || fail "cannot make the folder '$dir'"
dir="$(cd "$dir" && pwd)"
# In the same file system as the programs' places, so that a rename is all at once.
work="$(mktemp -d "$dir/.backroom-install.XXXXXX")" || fail "cannot write to '$dir'"
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM

fetch sha256.sum
archives=
for name in ${services:-backroom}; do
    archive=
    for triple in $targets; do
        if [ -n "$(listed "$name-$triple.tar.xz")" ]; then
            archive="$name-$triple.tar.xz"
            break
        fi
    done
    if [ -z "$archive" ]; then
        known="$(awk '{ print $2 }' "$work/sha256.sum" | sed -n 's/\.tar\.xz$//p')"
        # A triple begins with a processor.
        others="$(printf '%s\n' "$known" |
            sed -n -e "s/^$name-x86_64-/x86_64-/p" -e "s/^$name-aarch64-/aarch64-/p" | tr '\n' ' ')"
        [ -n "$others" ] || fail "the release has no service '$name'"
        fail "the release has no '$name' for $targets, only for $others"
    fi
    archives="$archives $archive"
done

for archive in $archives; do
    fetch "$archive"
    [ "$(sha256 "$work/$archive")" = "$(listed "$archive")" ] ||
        fail "'$archive' does not have the checksum of sha256.sum: it was cut off or changed; nothing was installed"
done
for archive in $archives; do
    tar -xJf "$work/$archive" -C "$work" || fail "cannot unpack '$archive': tar needs xz; nothing was installed"
done

# The suite's programs are those files of it that can be run.
placed=
for archive in $archives; do
    folder="$work/${archive%.tar.xz}"
    for file in "$folder"/*; do
        name="${file##*/}"
        [ -f "$file" ] && [ -x "$file" ] || continue
        [ ! -d "$dir/$name" ] || fail "'$dir/$name' is a folder: move it away, or choose another --dir"
        mv -f "$file" "$dir/$name"
        placed="$placed $name"
    done
    # What `shop` looks for beside the folder of programs.
    if [ -d "$folder/workflows" ]; then
        case "$dir" in
        */bin) share="${dir%/bin}/share" ;;
        *) share="$dir/share" ;;
        esac
        mkdir -p "$share/backroom"
        for part in workflows .github; do
            [ ! -e "$share/backroom/$part" ] || mv "$share/backroom/$part" "$work/old-$part"
            mv "$folder/$part" "$share/backroom/$part"
        done
    fi
done
[ -n "$placed" ] || fail "the archives hold no program"
printf 'installed in %s:%s\n' "$dir" "$placed"
case ":$PATH:" in
*":$dir:"*) ;;
*) printf 'to run them by name: PATH="%s:$PATH"\n' "$dir" ;;
esac
