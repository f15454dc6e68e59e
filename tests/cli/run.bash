# shellcheck shell=bash disable=SC2154
# What the tests of `pawl run` share: a workspace of its own for each test, commands that say what
# ran, and pawl's answer kept for when a test fails. Commands of stages say that they ran by
# `echo NAME >>../ran`, a file outside of the workspace.

setup_file() {
	: "${PAWL:?is the binary under test}"
}

setup() {
	# Where a stage runs pawl itself, these would point at an outer run.
	unset PAWL_RUN_DIR PAWL_RUN_ID
	mkdir "$BATS_TEST_TMPDIR/w"
	cd "$BATS_TEST_TMPDIR/w" || return 1
}

# The manifest, from stdin, below a [pipeline] of its own.
manifest() {
	{
		printf '[pipeline]\nname = "test"\n'
		cat
	} >pawl.toml
}

# Runs `pawl run` with these arguments; it must end with the status given first.
ends() {
	expected=$1
	shift
	: >../ran
	run "$PAWL" run "$@"
	printf '%s\n' "--- pawl run $*: status $status" "$output"
	if [ "$status" -ne "$expected" ]; then
		echo "status $expected was expected"
		return 1
	fi
}

# What ran in the last `ends`, in any order, is exactly this.
ran() {
	expected=$(printf '%s\n' "$@" | LC_ALL=C sort)
	got=$(LC_ALL=C sort ../ran)
	if [ "$expected" != "$got" ]; then
		printf '%s\n' "expected to run:" "$expected" "ran:" "$got"
		return 1
	fi
}

# What pawl said contains this text.
says() {
	case $output in
	*"$1"*) ;;
	*)
		echo "it does not say: $1"
		return 1
		;;
	esac
}

# The whole answer of a call without work, and that it wrote nothing at all.
stands() {
	before=$(find .pawl -type f -printf '%p %i %s %T@ %C@\n' | sort)
	ends 0
	ran ""
	says "everything is up to date ($1"
	after=$(find .pawl -type f -printf '%p %i %s %T@ %C@\n' | sort)
	if [ "$before" != "$after" ]; then
		printf '%s\n' "it wrote:" "$before" "now:" "$after"
		return 1
	fi
	run "$PAWL" plan --check
	[ "$status" -eq 0 ] || return 1
}

# A file has exactly this content (and a line break at its end).
has() {
	if [ "$(cat "$1")" != "$2" ]; then
		echo "$1 is not '$2' but '$(cat "$1")'"
		return 1
	fi
}

# `! command` never fails a test; this does.
not() {
	if "$@"; then return 1; fi
}

# Prints events of this type of the latest run, one JSON object a line.
events() {
	"$PAWL" events latest | grep "\"type\":\"$1\""
}

# Until the command succeeds, at most a minute.
wait_until() {
	tries=0
	until "$@"; do
		tries=$((tries + 1))
		[ "$tries" -lt 6000 ] || {
			echo "waited in vain for: $*"
			[ ! -e ../said ] || cat ../said
			return 1
		}
		sleep 0.01
	done
}

# Starts `pawl run` as $pid; its command makes ../holding and waits for ../go.
holding_run() {
	rm -f ../holding ../go
	"$PAWL" run >../said 2>&1 3>&- &
	pid=$!
	wait_until test -e ../holding
}

killed_run() {
	holding_run
	kill -KILL "$pid"
	wait "$pid" || :
}

# For teardown: kills what a test left running, by its number, if that still is a program in the test's
# folder. A number may have been given to somebody else since.
end_left() { # $1 pid
	case $(readlink "/proc/$1/cwd") in
	"$(realpath "$BATS_TEST_TMPDIR")"/*) kill -9 "$1" 2>/dev/null || : ;;
	esac
}

# Every object of a store is whole.
all_whole() {
	wrong=$(find "$1/objects" -type f -exec sha256sum {} + |
		awk '{ name = $2; sub(/^.*objects\//, "", name); sub("/", "", name) } name != $1 { print $2 " is not " $1 }')
	[ -z "$wrong" ] || {
		echo "$wrong"
		return 1
	}
}
