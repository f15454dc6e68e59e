#!/usr/bin/env bats
# `report`: tables of a run in any state.

setup() {
	unset PAWL_RUN_DIR PAWL_RUN_ID
	cd "$BATS_TEST_TMPDIR" || return 1
	cat >pawl.toml <<-'EOF'
		[pipeline]
		name = "tables"

		[stage.one]
		run = "echo x >one.txt"
		outputs = ["one.txt"]

		[stage.two]
		run = "test -e fine && cat one.txt >two.txt"
		inputs = ["one.txt"]
		outputs = ["two.txt"]

		[stage.three]
		run = "cat two.txt >three.txt"
		inputs = ["two.txt"]
		outputs = ["three.txt"]

		[stage.other]
		run = "echo other >other.txt"
		outputs = ["other.txt"]
	EOF
}

not() {
	if "$@"; then return 1; fi
}

# The id of a run, from what it said.
id_of() {
	sed -n 's/^run \(.*\), head .*/\1/p' "$1"
}

@test "text: instances, stages, failures" {
	"$PAWL" run three && false
	"$PAWL" report >have
	cat have
	grep -q '^pipeline  tables$' have
	grep -q '^state     failed, status 1 (stage-failed)$' have
	grep -q '^result    1 of 3 up to date: 1 ran, 1 failed, 1 blocked, ' have
	grep -q '^done     one ' have
	grep -q '^failed   two .* exit 1$' have
	grep -q '^blocked  three ' have
	not grep -q other have
	grep -q '^Failures$' have
}

@test "the critical path of a good run" {
	# What stands beside the chain is done before, so that its time says nothing.
	touch fine
	"$PAWL" run other
	"$PAWL" run
	"$PAWL" report >have
	cat have
	[ "$(sed -n '/^Critical path$/,$p' have | sed -n '4,6s/ .*//p' | tr '\n' ' ')" = "one two three " ]
}

@test "csv has one line for each instance something happened to" {
	"$PAWL" run three && false
	"$PAWL" report --format csv >have
	cat have
	[ "$(cut -d, -f1-3 have | tr '\n' ' ')" = "instance,stage,state one,one,done two,two,failed three,three,blocked " ]
	touch fine
	"$PAWL" run three 2>said
	"$PAWL" report "$(id_of said)" --format csv --all >have
	cat have
	grep -q '^one,one,up_to_date,0,' have
}

@test "json is what result.json is" {
	perl -MJSON::PP -e 1 || skip "perl has no JSON::PP"
	"$PAWL" run three && false
	"$PAWL" report --format json >have
	cat have
	perl -MJSON::PP -e 'local $/; $r = decode_json(<STDIN>);
		die unless $r->{schema} == 1 && $r->{status} == 1 && $r->{name} eq "stage-failed" &&
			$r->{total} == 3 && $r->{counts}{failed} == 1 && @{$r->{instances}} == 3 &&
			$r->{instances}[1]{exit} == 1 && $r->{instances}[1]{attempts} == 1' <have
}

@test "a run of another manifest is shown with the names it had" {
	"$PAWL" run three 2>said && false
	"$PAWL" run other
	echo 'this is no toml' >>pawl.toml
	"$PAWL" report "$(id_of said)" >have
	cat have
	grep -q '^failed   two ' have
	grep -q '^blocked  three ' have
}

@test "markdown" {
	touch fine
	"$PAWL" run
	"$PAWL" report --format markdown >have
	cat have
	grep -q '^# Run ' have
	grep -q '^| done | three | ' have
}

@test "no run, an unknown run, an unknown format: status 2" {
	for words in "report" "report 2020" "report --format xml"; do
		status=0
		# shellcheck disable=SC2086 # words
		"$PAWL" $words 2>said || status=$?
		cat said
		[ "$status" -eq 2 ]
	done
}
