#!/bin/sh
# Finds or builds the binary of one service, and names it in the step's outputs.
#
#   SERVICE_NAME     the binary's name, which is its crate's name
#   SERVICE_BIN_DIR  a folder that has the binary already, for runs on one's own machine
#   GITHUB_OUTPUT    gets `path` and `version`
set -eu

refuse() {
    echo "::error title=setup-service::$1"
    exit 1
}

# A name of a crate, so that it can be no path and no flag.
case "$SERVICE_NAME" in
"" | -* | *[!a-z0-9-]*) refuse "the input 'service' must be a name of small letters, digits and hyphens" ;;
esac

if [ -n "${SERVICE_BIN_DIR:-}" ]; then
    path="$SERVICE_BIN_DIR/$SERVICE_NAME"
    [ -x "$path" ] || refuse "SERVICE_BIN_DIR has no program '$SERVICE_NAME'; build it with cargo build -p $SERVICE_NAME"
else
    command -v cargo >/dev/null || refuse "there is no cargo to build '$SERVICE_NAME' with; install Rust, or set SERVICE_BIN_DIR"
    cargo build --release --locked --package "$SERVICE_NAME"
    path="$(pwd)/${CARGO_TARGET_DIR:-target}/release/$SERVICE_NAME"
    case "${CARGO_TARGET_DIR:-}" in
    /*) path="$CARGO_TARGET_DIR/release/$SERVICE_NAME" ;;
    esac
    [ -x "$path" ] || refuse "cargo built no program '$SERVICE_NAME'"
fi

version="$("$path" --version | head -n 1)" || refuse "'$SERVICE_NAME --version' failed: the binary doesn't fit this machine"
{
    echo "path=$path"
    echo "version=$version"
} >>"$GITHUB_OUTPUT"
echo "$version from $path"
