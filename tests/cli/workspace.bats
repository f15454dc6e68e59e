#!/usr/bin/env bats
# check, list, graph, clean, adopt, doctor.

bats_require_minimum_version 1.5.0

setup() {
	: "${PAWL:?is the binary under test}"
	unset PAWL_RUN_DIR PAWL_RUN_ID
	mkdir "$BATS_TEST_TMPDIR/work"
	cd "$BATS_TEST_TMPDIR/work" || return 1
	echo 'print' >step.awk
	echo 1 >data.txt
	cat >pawl.toml <<-'TOML'
		[pipeline]
		name = "small"

		[stage.copy]
		desc = "copies twice"
		matrix = { n = [1, 2] }
		run = "cp data.txt copy-{{n}}.txt"
		inputs = ["data.txt"]
		outputs = ["copy-{{n}}.txt"]

		[stage.tree]
		run = "mkdir -p tree/sub && cat {{inputs}} >tree/sub/all.txt"
		inputs = ["copy-*.txt"]
		outputs = ["tree/"]
	TOML
}

# --- check

@test "check: a good manifest" {
	run --separate-stderr "$PAWL" check
	[ "$status" -eq 0 ]
	[ "$stderr" = "" ]
	[ "$output" = "pawl.toml: 2 stages, 3 instances, no mistakes" ]
	[ ! -e .pawl ]
}

@test "check: one of each" {
	printf '[pipeline]\nname = "one"\n[stage.only]\nrun = "true"\n' >pawl.toml
	run --separate-stderr "$PAWL" check
	[ "$output" = "pawl.toml: 1 stage, 1 instance, no mistakes" ]
}

@test "a folder that is not there is a mistake of the command line" {
	for command in run plan check status doctor; do
		run "$PAWL" -C missing "$command"
		[ "$status" -eq 2 ]
		[[ "$output" == "pawl: 'missing': cannot go there: "* ]]
		run "$PAWL" -C data.txt "$command"
		[ "$status" -eq 2 ]
	done
}

@test "check: a file that a command names and its stage does not declare" {
	cat >>pawl.toml <<-'TOML'

		[stage.used]
		run = "awk -f step.awk --also=data.txt 'data.txt' missing.txt >used.txt"
		outputs = ["used.txt"]
	TOML
	run --separate-stderr "$PAWL" check
	[ "$status" -eq 0 ]
	[ "$output" = "pawl.toml: 3 stages, 4 instances, 2 warnings" ]
	[[ "$stderr" == *"warning: stage 'used' names the file 'step.awk' and does not declare it"* ]]
	[[ "$stderr" == *"warning: stage 'used' names the file 'data.txt' and does not declare it"* ]]
	[[ "$stderr" == *"declare it in 'inputs', so that a change of it counts"* ]]
	[[ "$stderr" != *"file 'missing.txt'"* ]]
	[[ "$stderr" != *"file 'used.txt'"* ]]
	sed -i 's/^outputs = \["used.txt"\]/&\ninputs = ["*.awk", "data.txt"]/' pawl.toml
	run --separate-stderr "$PAWL" check
	[ "$stderr" = "" ]
}

@test "check: JSON, good and bad" {
	command -v jq >/dev/null || skip "no jq"
	[ "$("$PAWL" check --json | jq -c '[.good, .errors, .warnings, .stages, .instances]')" = "[true,0,0,2,3]" ]
	sed -i 's/desc/decs/' pawl.toml
	run --separate-stderr "$PAWL" check --json
	[ "$status" -eq 3 ]
	[ "$stderr" = "" ]
	[ "$(jq -c '[.good, .errors, .diagnostics[0].file, .diagnostics[0].line, .diagnostics[0].column]' <<<"$output")" = \
		'[false,1,"pawl.toml",5,1]' ]
	[[ "$(jq -r '.diagnostics[0].hint' <<<"$output")" == *"'desc'"* ]]
}

# --- list and graph

@test "list: stages with description, axes, files" {
	run --separate-stderr "$PAWL" list
	[ "$status" -eq 0 ]
	[ "$output" = "copy  (2 instances)
    copies twice
    axis   n: 1 2
    reads  data.txt
    makes  copy-{{n}}.txt
tree
    reads  copy-*.txt
    makes  tree/" ]
	run "$PAWL" list copy@n=2
	[[ "$output" == *"    - copy@n=2" ]]
	[[ "$output" != *tree* ]]
}

@test "list: JSON" {
	command -v jq >/dev/null || skip "no jq"
	[ "$("$PAWL" list --json | jq -c '.[0] | [.stage, .desc, .axes, .inputs, .outputs, .instances]')" = \
		'["copy","copies twice",{"n":["1","2"]},["data.txt"],["copy-{{n}}.txt"],["copy@n=1","copy@n=2"]]' ]
}

@test "graph: three notations" {
	[ "$("$PAWL" graph)" = 'digraph pawl {
    rankdir=LR;
    node [shape=box];
    n0 [label="copy"];
    n1 [label="tree"];
    n0 -> n1;
}' ]
	[ "$("$PAWL" graph --format mermaid --instances)" = 'flowchart LR
    n0["copy@n=1"]
    n1["copy@n=2"]
    n2["tree"]
    n0 --> n2
    n1 --> n2' ]
	command -v jq >/dev/null || skip "no jq"
	[ "$("$PAWL" graph --format json | jq -c .)" = \
		'{"nodes":["copy","tree"],"edges":[{"from":"copy","to":"tree"}]}' ]
}

# --- clean

@test "clean removes what pawl made, and nothing else" {
	"$PAWL" run -q
	echo changed >copy-1.txt
	echo mine >tree/mine.txt
	before=$(ls -AR .)
	run --separate-stderr "$PAWL" clean -n
	[ "$status" -eq 0 ]
	[ "$output" = "would remove 'copy-2.txt'" ]
	[ "$(ls -AR .)" = "$before" ]
	run --separate-stderr "$PAWL" clean
	[ "$status" -eq 0 ]
	[ "$output" = "removed 'copy-2.txt'" ]
	[[ "$stderr" == *"pawl: 'copy-1.txt' stays: it was changed since pawl made it"* ]]
	[[ "$stderr" == *"pawl: 'tree' stays: it was changed since pawl made it"* ]]
	[ "$(cat copy-1.txt data.txt tree/mine.txt tree/sub/all.txt)" = "changed
1
mine
1
1" ]
	[ ! -e copy-2.txt ]
	rm tree/mine.txt
	run "$PAWL" clean tree
	[ "$output" = "removed 'tree'" ]
	[ ! -e tree ]
	run "$PAWL" clean tree
	[ "$output" = "nothing to remove" ]
}

@test "clean and run: everything comes back and nothing runs" {
	"$PAWL" run -q
	"$PAWL" clean
	[ "$(ls)" = "data.txt
pawl.toml
step.awk" ]
	run "$PAWL" plan
	[[ "$output" != *"would run"* ]]
	"$PAWL" run -q
	[ "$(cat tree/sub/all.txt)" = "1
1" ]
	[ "$("$PAWL" events | grep -c attempt.started || :)" -eq 0 ]
}

@test "clean --orphans: only what no stage declares now" {
	"$PAWL" run -q
	run "$PAWL" clean --orphans
	[ "$output" = "no orphans" ]
	sed -i 's/n = \[1, 2\]/n = [2]/' pawl.toml
	run --separate-stderr "$PAWL" clean --orphans
	[ "$output" = "removed 'copy-1.txt'" ]
	[ "$stderr" = "" ]
	[ -e copy-2.txt ]
	[ -e tree/sub/all.txt ]
	run --separate-stderr "$PAWL" clean --orphans copy
	[ "$status" -eq 2 ]
}

# --- adopt

@test "adopt: what lies there becomes the result" {
	cp data.txt copy-1.txt
	cp data.txt copy-2.txt
	mkdir -p tree/sub
	cat copy-1.txt copy-2.txt >tree/sub/all.txt
	run --separate-stderr "$PAWL" adopt tree
	[ "$status" -eq 2 ]
	[ "$output" = "" ]
	[ "$stderr" = "pawl: 'tree' cannot be adopted: 'copy@n=1' is not up to date; adopt or run it first" ]
	run --separate-stderr "$PAWL" adopt copy tree
	[ "$status" -eq 0 ]
	[ "$stderr" = "" ]
	[ "$output" = "adopted 'copy@n=1'
adopted 'copy@n=2'
adopted 'tree'" ]
	"$PAWL" plan --check
	run "$PAWL" why tree
	[ "${lines[0]}" = "tree: up to date" ]
	[[ "${lines[1]}" == "  last result: adopted "*", nothing ran" ]]
	"$PAWL" run -q
	[ ! -e .pawl/runs ] || [ -z "$(ls .pawl/runs)" ]
	rm -r tree
	"$PAWL" run -q
	[ "$(cat tree/sub/all.txt)" = "1
1" ]
	[ "$("$PAWL" adopt tree)" = "'tree' is up to date" ]
}

@test "adopt: outputs that are not there, and stages that have none" {
	run --separate-stderr "$PAWL" adopt copy@n=1
	[ "$status" -eq 2 ]
	[ "$stderr" = "pawl: 'copy@n=1' cannot be adopted: its output 'copy-1.txt' is not there" ]
	printf '\n[stage.say]\nrun = "echo hello"\n' >>pawl.toml
	run --separate-stderr "$PAWL" adopt say
	[ "$status" -eq 2 ]
	[ "$stderr" = "pawl: 'say' cannot be adopted: it has no outputs" ]
	mkdir copy-1.txt
	run --separate-stderr "$PAWL" adopt copy@n=1
	[ "$status" -eq 2 ]
	[ "$stderr" = "pawl: 'copy@n=1' cannot be adopted: 'copy-1.txt' is a folder" ]
}

# --- names of files

@test "a name with a line end or an escape sequence stays in its line and is no escape sequence" {
	mkdir in out
	echo 1 >in/$'a\e[31mred\nb'
	echo 2 >out/$'a\e[31mred\nb'
	cat >pawl.toml <<-'TOML'
		[pipeline]
		name = "odd"
		[stage.copy]
		matrix = { f = { glob = "in/*" } }
		inputs = ["{{f}}"]
		run = "cp {{inputs}} {{outputs}}"
		outputs = ["out/{{stem(f)}}"]
	TOML
	name='a\x1b[31mred\x0ab'
	[[ "$("$PAWL" plan)" == *"keep     'out/$name': pawl did not make"* ]]
	[[ "$("$PAWL" list)" == *"axis   f: in/$name"$'\n'* ]]
	"$PAWL" run -q
	echo 3 >in/*
	[[ "$("$PAWL" plan)" == *": input 'in/$name' changed"$'\n'* ]]
	[[ "$("$PAWL" why copy)" == *"  input 'in/$name' changed"$'\n'* ]]
	echo 3 >out/*
	[[ "$("$PAWL" clean 2>&1)" == *"pawl: 'out/$name' stays: "* ]]
	[[ "$("$PAWL" plan)" == *"keep     'out/$name': "* ]]
	"$PAWL" run -q
	[ "$("$PAWL" clean)" = "removed 'out/$name'" ]
	[[ "$("$PAWL" plan)" == *": output 'out/$name' is not as it was"* ]]
}

# --- doctor

@test "doctor: what this machine offers, and nothing left behind" {
	mkdir empty
	run --separate-stderr "$PAWL" -C empty doctor
	[ "$status" -eq 0 ]
	[ "$stderr" = "" ]
	[[ "$output" == *"processors  "[1-9]* ]]
	[[ "$output" == *"file times  a tick of "* ]]
	[[ "$output" == *" locks"* ]]
	[[ "$output" == *" reflink"* ]]
	[ -z "$(ls -A empty)" ]
	command -v jq >/dev/null || skip "no jq"
	[ "$("$PAWL" doctor --json | jq '.cpus > 0 and (.features | length > 5)')" = true ]
}
