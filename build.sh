#!/bin/sh
# Sets up all that pawl needs on Debian, and builds it.
#
#   ./build.sh         installs the tools that are missing, fetches mbedTLS and yyjson, builds the
#                      static binary build/pawl and prints its path, size and SHA-256
#   ./build.sh test    the same, installs the test tools too, runs all checks and tests; the last
#                      line is `N passed, M failed`
#   ./build.sh deps    only the sources of mbedTLS and yyjson
#
# What is already there is not touched, so a second call is quick. Packages are installed with
# apt-get, as root or by sudo; where neither works, a sentence names the packages.
#
# mbedTLS and yyjson are Debian source packages of a newer suite than the machine's. They are
# fetched with an apt configuration of our own in build/deps/apt (own lists, own cache), from the
# mirror that the machine's apt uses; apt checks signature and digests. Without a network:
#
#   MBEDTLS_SRC=/folder YYJSON_SRC=/folder ./build.sh
set -eu

LC_ALL=C
export LC_ALL
cd "$(dirname "$0")"
root=$PWD

deps=build/deps
suite=trixie
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
limit_bytes=1048576

say() {
    printf '%s\n' "$*" >&2
}

die() {
    say "build.sh: $*"
    exit 1
}

has() {
    command -v "$1" >/dev/null 2>&1
}

# --- tools ---------------------------------------------------------------------------------------

# `need TOOL PACKAGE` and `need_file FILE PACKAGE` note the packages that must be installed.
missing=

need() {
    has "$1" || missing="$missing $2"
}

need_file() {
    [ -e "$1" ] || missing="$missing $2"
}

need_build_tools() {
    need gcc gcc
    need musl-gcc musl-tools
    need make make
    need readelf binutils
    need tar tar
    need xz xz-utils
    need bzip2 bzip2
}

need_test_tools() {
    need_file /usr/include/stdio.h libc6-dev
    need_file /usr/include/cmocka.h libcmocka-dev
    need bats bats
    { has busybox && busybox_is_static; } || missing="$missing busybox-static"
    need shellcheck shellcheck
    need clang-tidy clang-tidy
    need clang-format clang-format
    need cppcheck cppcheck
    need valgrind valgrind
    need git git
    need groff groff-base
    need jq jq
    need ninja ninja-build
    perl -MJSON::PP -e 1 2>/dev/null || missing="$missing perl"
    need ps procps
    need strace strace
}

# Tests copy busybox into an empty root, where no library is.
busybox_is_static() {
    ! LC_ALL=C ldd "$(command -v busybox)" 2>/dev/null | grep -q '=>'
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        # shellcheck disable=SC2086 # the flag is one word or none
        sudo $sudo_flag "$@"
    fi
}

# Nobody can type a password where there is no terminal.
sudo_flag=
[ -t 0 ] || sudo_flag=-n

can_install() {
    has apt-get || return 1
    [ "$(id -u)" = 0 ] && return 0
    # shellcheck disable=SC2086 # the flag is one word or none
    has sudo && sudo $sudo_flag true 2>/dev/null
}

install_missing() {
    [ -n "$missing" ] || return 0
    if ! can_install; then
        die "these packages are missing and cannot be installed from here" \
            "(no apt-get, or neither root nor sudo):$missing; install them and call again"
    fi
    say "installing:$missing"
    # Lists may be empty or old; one broken extra source must not stop us.
    as_root apt-get update -q -o Acquire::Retries=3 >&2 </dev/null || say "build.sh: apt-get update failed, going on"
    # shellcheck disable=SC2086 # a list of package names
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -q -y -o Acquire::Retries=3 --no-install-recommends $missing >&2 </dev/null ||
        die "apt-get could not install:$missing"
    missing=
}

# --- sources of mbedTLS and yyjson ---------------------------------------------------------------

# Prints `uri suites…` for each binary package source in the machine's apt configuration.
list_apt_sources() {
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ -r "$file" ] || continue
        # One line a source: deb [options] uri suite component…
        awk '$1 == "deb" { sub(/\[[^]]*\]/, ""); print $2, $3 }' "$file"
    done
    for file in /etc/apt/sources.list.d/*.sources; do
        [ -r "$file" ] || continue
        # deb822: paragraphs of fields; a line that starts with a blank continues its field.
        awk '
            function finish(   i, n, list) {
                if (field["types"] ~ /(^| )deb( |$)/ && tolower(field["enabled"]) !~ /^ *no/) {
                    n = split(field["uris"], list, " ")
                    for (i = 1; i <= n; i++) print list[i], field["suites"]
                }
                split("", field)
                name = ""
            }
            /^#/ { next }
            /^[[:space:]]*$/ { finish(); next }
            /^[[:space:]]/ { field[name] = field[name] " " $0; next }
            {
                name = tolower(substr($0, 1, index($0, ":") - 1))
                field[name] = substr($0, index($0, ":") + 1)
            }
            END { finish() }
        ' "$file"
    done
}

# Mirrors to try, best first: those that serve the machine's own release, then all others.
list_mirrors() {
    codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release 2>/dev/null | tr -d '"')
    list_apt_sources | awk -v codename="${codename:-stable}" '
        $1 ~ /^cdrom:/ || seen[$1]++ { next }
        {
            for (i = 2; i <= NF; i++) if ($i == codename) { print $1; next }
            rest = rest $1 "\n"
        }
        END { printf "%s", rest }
    '
}

# `private_apt ARGUMENT…`: apt-get with our own lists, cache and source.
private_apt() {
    APT_CONFIG="$root/$deps/apt/apt.conf" apt-get -q "$@" </dev/null
}

write_apt_conf() { # $1 mirror
    mkdir -p "$deps/apt/state/lists/partial" "$deps/apt/cache/archives/partial" \
        "$deps/apt/parts" "$deps/apt/download"
    printf 'deb-src [signed-by=%s] %s %s main\n' "$keyring" "$1" "$suite" \
        >"$deps/apt/sources.list"
    cat >"$deps/apt/apt.conf" <<END
Dir::State "$root/$deps/apt/state";
Dir::Cache "$root/$deps/apt/cache";
Dir::Etc::sourcelist "$root/$deps/apt/sources.list";
Dir::Etc::sourceparts "$root/$deps/apt/parts";
Acquire::Languages "none";
Acquire::Retries "3";
APT::Sandbox::User "";
END
}

# Chooses the first mirror that serves the suite.
setup_private_apt() {
    [ -z "${apt_ready:-}" ] || return 0
    has apt-get || die "apt-get is not here to fetch mbedTLS and yyjson;" \
        "give their folders: MBEDTLS_SRC=… YYJSON_SRC=… ./build.sh"
    if [ ! -r "$keyring" ]; then
        missing="$missing debian-archive-keyring"
        install_missing
    fi
    mkdir -p "$deps/apt"
    list_mirrors >"$deps/apt/mirrors"
    : >"$deps/apt/update.log"
    while read -r mirror; do
        write_apt_conf "$mirror"
        if private_apt update --error-on=any >>"$deps/apt/update.log" 2>&1; then
            apt_ready=yes
            return 0
        fi
    done <"$deps/apt/mirrors"
    sed 's/^/  /' "$deps/apt/update.log" >&2
    die "none of the machine's apt mirrors serves the sources of '$suite';" \
        "give folders: MBEDTLS_SRC=… YYJSON_SRC=… ./build.sh"
}

# `provide NAME FOLDER WITNESS PART…`: makes build/deps/NAME with the PARTs (files or folders) of
# the sources: from FOLDER if it is not empty, else from the Debian source package NAME. WITNESS is
# a file that shows that the folder is what it should be.
provide() {
    name=$1 folder=$2 witness=$3
    shift 3
    if [ -n "$folder" ]; then
        [ -f "$folder/$witness" ] ||
            die "'$folder' is not the source of $name: it has no '$witness'"
        take_parts "$name" "$folder" "folder $folder" "$@"
    elif [ ! -f "$deps/$name/$witness" ]; then
        fetch "$name" "$@"
    fi
}

fetch() {
    name=$1
    shift
    setup_private_apt
    say "fetching the source of $name"
    rm -rf "$deps/apt/download/$name"
    mkdir -p "$deps/apt/download/$name/tree"
    # Only the upstream archive: apt compares it with the signed list of sources.
    (cd "$deps/apt/download/$name" &&
        private_apt source --download-only --tar-only "$name" >../"$name.log" 2>&1) ||
        {
            sed 's/^/  /' "$deps/apt/download/$name.log" >&2
            die "cannot fetch the source of $name"
        }
    for archive in "$deps/apt/download/$name"/*.orig.tar.*; do
        [ -f "$archive" ] || die "the source package of $name has no upstream archive"
        tar -x -f "$archive" -C "$deps/apt/download/$name/tree" --strip-components=1
        take_parts "$name" "$deps/apt/download/$name/tree" "package ${archive##*/}" "$@"
        break
    done
    rm -rf "$deps/apt/download/$name/tree"
}

# The new folder takes its place in one step, so that a broken copy is never built.
take_parts() {
    name=$1 from=$2 origin=$3
    shift 3
    rm -rf "$deps/$name.new"
    mkdir -p "$deps/$name.new"
    for part in "$@"; do
        cp -RL "$from/$part" "$deps/$name.new/"
    done
    printf '%s\n' "$origin" >"$deps/$name.new/ORIGIN"
    if [ -d "$deps/$name" ] && diff -r "$deps/$name" "$deps/$name.new" >/dev/null 2>&1; then
        rm -rf "$deps/$name.new"
        return 0
    fi
    rm -rf "$deps/${name:?}"
    mv "$deps/$name.new" "$deps/$name"
}

provide_sources() {
    mkdir -p "$deps"
    provide mbedtls "${MBEDTLS_SRC:-}" library/sha256.c include library
    provide yyjson "${YYJSON_SRC:-}" src/yyjson.c src
}

# --- the binary ----------------------------------------------------------------------------------

check_binary() { # $1 path
    [ -f "$1" ] || die "'$1' was not built"
    if readelf -lW "$1" | grep -q INTERP || readelf -dW "$1" | grep -q NEEDED; then
        die "'$1' is not static"
    fi
    if readelf -SW "$1" | grep -q '\.symtab'; then
        die "'$1' is not stripped"
    fi
    size=$(wc -c <"$1")
    [ "$size" -lt "$limit_bytes" ] || die "'$1' has $size bytes, the limit is $limit_bytes"
}

print_binary() { # $1 path
    digest=$(sha256sum <"$1")
    printf '%s\n' "path    $root/$1" "size    $(($(wc -c <"$1"))) bytes" "sha256  ${digest%% *}"
}

build() {
    make -j"$(nproc)" --no-print-directory V=release >&2 || die "the build failed"
    check_binary build/pawl
    print_binary build/pawl
}

# ---

case ${1:-build} in
build)
    need_build_tools
    install_missing
    provide_sources
    build
    ;;
deps)
    provide_sources
    ;;
test)
    need_build_tools
    need_test_tools
    install_missing
    provide_sources
    # Not by `make check`, which would add a line of its own after the last one.
    make -s build/jobs-check
    exec tools/run-tests -j "$(nproc)" build/jobs-check
    ;;
size) # for make: the checks of `build` alone
    check_binary build/pawl
    print_binary build/pawl
    ;;
*)
    say "usage: ./build.sh [build | test | deps | size]"
    exit 2
    ;;
esac
