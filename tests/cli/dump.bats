#!/usr/bin/env bats
# dump: TOML as JSON with types; digests; the pages of the manual that are made from tables are up to
# date.

bats_require_minimum_version 1.5.0

setup() {
	: "${PAWL:?is the binary under test}"
	source_root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	cd "$BATS_TEST_TMPDIR" || return 1
}

@test "TOML from a file and from the standard input" {
	printf 'a = 1\n[b]\nc = "x"\n' >x.toml
	expected='{"a":{"type":"integer","value":"1"},"b":{"c":{"type":"string","value":"x"}}}'
	run --separate-stderr "$PAWL" dump toml x.toml
	[ "$status" -eq 0 ]
	[ "$stderr" = "" ]
	[ "${output//[[:space:]]/}" = "$expected" ]
	[ "$("$PAWL" dump toml - <x.toml)" = "$output" ]
}

@test "every valid document gives its JSON, every invalid one status 3" {
	command -v jq >/dev/null && compare="jq -cS ." || compare=cat
	for file in "$source_root"/testdata/toml/valid/*.toml; do
		[ "$("$PAWL" dump toml "$file" | $compare)" = "$($compare "${file%.toml}.json")" ]
	done
	for file in "$source_root"/testdata/toml/invalid/*.toml; do
		run --separate-stderr "$PAWL" dump toml - <"$file"
		[ "$status" -eq 3 ]
		[ "$output" = "" ]
		[[ "$stderr" == "-:"*": error: "* ]]
	done
}

@test "a plan, counted and whole" {
	cat >pawl.toml <<-'END'
		[pipeline]
		name = "dumped"
		[stage.split]
		matrix = { part = ["a", "b"] }
		outputs = { one = "{{part}}.txt" }
		run = "echo {{part}} >{{outputs.one}}"
		[stage.join]
		inputs = ["a.txt", "b.txt"]
		outputs = { one = "all" }
		run = "cat {{inputs}} >{{outputs.one}}"
	END
	expected="stages 2 instances 3 inputs 2 outputs 3 paths 3 edges 2"
	[ "$("$PAWL" dump plan pawl.toml | tr '\n' ' ')" = "$expected " ]
	"$PAWL" dump instances pawl.toml >lines
	[ "$(grep -c '"instance":' lines)" -eq 3 ]
	[[ "$(sed -n 3p lines)" == '{"instance":"join","stage":"join","skip":"","inputs":[{"file":"a.txt",'* ]]
	[[ "$(sed -n 3p lines)" == *'"producers":["split@part=a","split@part=b"]'* ]]
	[[ "$(sed -n 2p lines)" == *'"argv":["/bin/sh",'*'"echo b >b.txt"]'* ]]
	[ ! -e .pawl ]
	run --separate-stderr "$PAWL" dump plan missing.toml
	[ "$status" -eq 2 ]
}

@test "what cannot be read or dumped" {
	run --separate-stderr "$PAWL" dump toml missing.toml
	[ "$status" -eq 11 ]
	[[ "$stderr" == "pawl: 'missing.toml'"* ]]
	run --separate-stderr "$PAWL" dump docs poems
	[ "$status" -eq 2 ]
	[ "$stderr" = "pawl: there is no 'docs poems' to dump: see 'pawl help dump'" ]
}

@test "pages of the manual are those of this binary ('make docs' writes them)" {
	for page in commands events exit-status manifest-keys states; do
		"$PAWL" dump docs "$page" | diff "$source_root/docs/$page.md" -
	done
	for page in pawl.1 pawl.toml.5; do
		"$PAWL" dump man "$page" | diff "$source_root/docs/man/$page" -
	done
}

@test "manual pages are plain roff" {
	command -v groff >/dev/null || skip "no groff"
	for page in pawl.1 pawl.toml.5; do
		[ -z "$("$PAWL" dump man "$page" | groff -man -ww -Tutf8 2>&1 >/dev/null)" ]
	done
}

@test "completions are scripts that their shells accept and that know every command" {
	for shell in bash zsh fish; do
		"$PAWL" completions "$shell" >"$shell"
		for word in run doctor rehash keep-going; do grep -q -e "$word" "$shell"; done
		not_hidden=$(grep -c -w dump "$shell" || :)
		[ "$not_hidden" -eq 0 ]
		! command -v "$shell" >/dev/null || "$shell" -n "$shell"
	done
	run --separate-stderr "$PAWL" completions tcsh
	[ "$status" -eq 2 ]
	[ "$stderr" = "pawl: unknown shell 'tcsh': there are completions for bash, zsh and fish" ]
}

# complete WORD…: what bash would offer for the last word.
complete_words() {
	bash -c '
		eval "$("$PAWL" completions bash)"
		COMP_WORDS=(pawl "$@") COMP_CWORD=$#
		_pawl
		printf "%s\n" "${COMPREPLY[@]}"' bash "$@"
}

@test "bash completes commands, options and values" {
	[ "$(complete_words sta)" = status ]
	[ "$(complete_words run --reh)" = --rehash ]
	[ "$(complete_words --color al)" = always ]
	[ "$(complete_words graph --format me)" = mermaid ]
	[ "$(complete_words help vers)" = version ]
}

@test "digests agree with sha256sum, whatever names them" {
	mkdir -p deep/er
	for i in $(seq 1 80); do
		seq "$i" "$((i * 7))" >"deep/$i"
		head -c "$((i * 2500))" /dev/zero >"deep/er/z$i"
	done
	: >deep/empty
	find deep -type f | LC_ALL=C sort >names
	xargs sha256sum <names >expected
	"$PAWL" dump digests - <names | cmp - expected
	tr '\n' '\0' <names | "$PAWL" dump digests - | cmp - expected
	xargs "$PAWL" dump digests <names | cmp - expected
}

@test "digests: what cannot be read is named, the rest is printed" {
	echo x >x
	mkdir folder
	run --separate-stderr "$PAWL" dump digests x missing folder x
	[ "$status" -eq 11 ]
	[ "$output" = "$(sha256sum x x)" ]
	[[ "$stderr" == *"pawl: 'missing'"* ]]
	[[ "$stderr" == *"pawl: 'folder': is not a regular file"* ]]
}
