#!/usr/bin/env bats
# Several manifests in one workspace.
bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	printf '%s\n' '[pipeline]' 'name = "one"' '[stage.a]' 'run = "echo 1 >a"' 'outputs = ["a"]' >pawl.toml
	printf '%s\n' '[pipeline]' 'name = "two"' '[stage.b]' 'run = "echo 2 >b"' 'outputs = ["b"]' >other.toml
}

@test "two pipelines of their own names and paths live side by side" {
	"$PAWL" run
	"$PAWL" -f other.toml run
	"$PAWL" run
	[ "$(cat a b)" = "$(printf '1\n2')" ]
}

@test "one name for two is an error" {
	"$PAWL" run
	sed -i 's/two/one/' other.toml
	run --separate-stderr "$PAWL" -f other.toml run
	[ "$status" -eq 3 ]
	[ "$stderr" = "pawl: pipeline 'one' is also the name of 'pawl.toml' in this workspace: give each its own" ]
	[ ! -e b ]
}

@test "one path made by two is an error" {
	"$PAWL" run
	sed -i 's/>b/>a/; s/"b"/"a"/' other.toml
	run --separate-stderr "$PAWL" -f other.toml run
	[ "$status" -eq 3 ]
	[ "$stderr" = "pawl: 'a' is also made by 'pawl.toml' in this workspace: one path has one maker" ]
}

@test "a manifest that is gone, or wrong itself, is in nobody's way" {
	"$PAWL" run
	mv pawl.toml gone
	sed -i 's/two/one/' other.toml
	"$PAWL" -f other.toml run
	echo 'this is no toml' >pawl.toml
	"$PAWL" -f other.toml run
}

@test "what another manifest makes is no orphan: globs see it, and it is not cleaned away" {
	"$PAWL" run
	printf '%s\n' 'inputs = ["a*"]' >>other.toml
	"$PAWL" -f other.toml run
	"$PAWL" -f other.toml clean --orphans
	[ -e a ]
	sed -i '/stage.a/,$d' pawl.toml
	printf '%s\n' '[stage.c]' 'run = "echo 3 >c"' 'outputs = ["c"]' >>pawl.toml
	"$PAWL" run
	"$PAWL" clean --orphans
	[ ! -e a ]
	[ -e b ]
}
