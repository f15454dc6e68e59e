#!/usr/bin/env bats
# The manual is true: every manifest in it is checked or run, every file, function, key and status
# that it names is there.
#
# A ```toml block of README.md, CHANGELOG.md or docs/*.md is a whole manifest. Comments behind it,
# invisible to readers, say what to do with it:
#
#     <!-- run -->                    it is run; a second run finds nothing to do (else: `pawl check`)
#     <!-- run each -->               it is run; a second run does some of it again
#     <!-- files: a.txt dir/b -->     these are there, with their own names as content
#     <!-- file: PATH  TEXT -->       this one is there; \n in TEXT is a line end
#     <!-- expect: PATH  TEXT -->     after the run it holds this

setup_file() {
	: "${PAWL:?is the binary under test}"
}

setup() {
	# Where a stage runs pawl itself, these would point at an outer run.
	unset PAWL_RUN_DIR PAWL_RUN_ID
	source_root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	work=$BATS_TEST_TMPDIR/work
	mkdir "$work"
	cd "$work" || return 1
}

# Cuts FILE into folders 1, 2, … of the present one: pawl.toml, `place`, and `directives`.
cut_examples() {
	awk -v shown="$2" '
		/^```toml$/ && !inside {
			inside = 1
			folder = ++count
			system("mkdir " folder)
			print shown ":" NR >(folder "/place")
			next
		}
		/^```$/ && inside { inside = 0; close(folder "/pawl.toml"); next }
		inside { print >(folder "/pawl.toml"); next }
		/^<!-- (run|files:|file:|expect:)/ && folder {
			sub(/^<!-- /, "")
			sub(/ -->$/, "")
			print >(folder "/directives")
			next
		}
		NF { folder = "" }
	' "$1"
}

put_file() {
	mkdir -p "$(dirname "$1")"
	printf '%b\n' "$2" >"$1"
}

# Lines of the example's directives of one kind, without the kind.
directives() {
	[ ! -e ../directives ] || sed -n "s/^$1: *//p" ../directives
}

make_files() {
	local name line
	for name in $(directives files); do put_file "$name" "$name"; done
	directives file | while IFS= read -r line; do
		put_file "${line%%  *}" "${line#*  }"
	done
}

expect_files() {
	local line
	directives expect | while IFS= read -r line; do
		printf '%b\n' "${line#*  }" | diff -u - "${line%%  *}" || return 1
	done
}

run_example() {
	"$PAWL" check || return 1
	grep -Eqx 'run( each)?' ../directives 2>/dev/null || return 0
	"$PAWL" run || return 1
	expect_files || return 1
	if grep -qx 'run each' ../directives; then
		"$PAWL" run && [ "$(find .pawl/runs -mindepth 1 -maxdepth 1 | wc -l)" = 2 ]
		return
	fi
	"$PAWL" plan --check || return 1
	"$PAWL" run || return 1
	[ "$(find .pawl/runs -mindepth 1 -maxdepth 1 | wc -l)" = 1 ] || return 1
}

# Does all examples of one page; says which failed.
try_page() {
	local folder failed=0
	cut_examples "$source_root/$1" "$1"
	for folder in [0-9]*/; do
		[ -d "$folder" ] || continue
		mkdir "$folder/workspace"
		mv "$folder/pawl.toml" "$folder/workspace/"
		(
			cd "$folder/workspace" || exit 1
			make_files
			run_example
		) >"$folder/said" 2>&1 || {
			failed=1
			echo "--- $(cat "$folder/place")"
			cat "$folder/said"
		}
	done
	return "$failed"
}

pages() {
	(cd "$source_root" && ls README.md CHANGELOG.md docs/*.md)
}

@test "examples of README.md" {
	try_page README.md
	[ -d 1 ]
}

@test "examples of docs/manifest.md" {
	try_page docs/manifest.md
	[ -d 7 ]
}

@test "examples of docs/expressions.md" {
	try_page docs/expressions.md
	[ -d 3 ]
}

@test "examples of docs/running.md" {
	try_page docs/running.md
	[ -d 1 ]
}

@test "examples of docs/retries.md" {
	try_page docs/retries.md
	[ -d 1 ]
}

@test "examples of docs/checkpoints.md" {
	try_page docs/checkpoints.md
	[ -d 1 ]
}

@test "examples of docs/compensations.md" {
	try_page docs/compensations.md
	[ -d 1 ]
}

@test "examples of docs/always.md" {
	try_page docs/always.md
	[ -d 1 ]
}

@test "examples of docs/flags.md" {
	try_page docs/flags.md
	[ -d 2 ]
	# What the page shows is what is printed, but for the times.
	sed -n '/^    stage  variant/,/^    embed  new/p' "$source_root/docs/flags.md" | sed 's/ *[0-9]*ms */ /;s/^    //' >shown
	(cd 1/workspace && "$PAWL" report) >said
	sed -n '/^stage  variant/,/^embed  new/p' said | sed 's/ *[0-9]*ms */ /' | diff -u shown -
}

@test "examples of docs/streams.md" {
	try_page docs/streams.md
	[ -d 1 ]
}

@test "examples of docs/loops.md" {
	try_page docs/loops.md
	[ -d 1 ]
	# What the page says of years that are added, forced, and damaged.
	cd 1/workspace
	sed -n 's/^    \(pawl run .*simulate[^#]*\).*/\1/p' "$source_root/docs/loops.md" >lines
	[ "$(wc -l <lines)" -eq 4 ]
	while read -r _ _ words; do
		# shellcheck disable=SC2086
		"$PAWL" run $words
	done <lines
	echo nonsense >state/north-2027.csv
	"$PAWL" run -p end_year=2031
	[ "$(cat state/north-2031.csv)" = 2031,130 ]
	rm state/north-2025.csv
	run "$PAWL" run
	[ "$status" -eq 3 ]
	[ "${lines[0]}" = "$(sed -n 's/^    \(pawl.toml:.*\)/\1/p' "$source_root/docs/loops.md")" ]
}

@test "examples of docs/control.md" {
	try_page docs/control.md
	[ -d 1 ]
}

@test "examples of docs/hooks.md" {
	try_page docs/hooks.md
	[ -d 1 ]
}

@test "examples of docs/progress.md" {
	try_page docs/progress.md
	[ -d 1 ]
}

@test "examples of docs/checks.md" {
	try_page docs/checks.md
	[ -d 1 ]
}

@test "examples of docs/reports.md" {
	try_page docs/reports.md
	[ -d 1 ]
	# What the page shows is what is printed.
	sed -n '/^    Figures$/,/^## /p' "$source_root/docs/reports.md" | sed -n 's/^    //p' | sed '/^$/d' >shown
	(cd 1/workspace && "$PAWL" report) >said
	sed -n '/^Figures$/,/^Instances$/p' said | sed '/^Instances$/d;/^$/d' | diff -u shown -
}

@test "examples of docs/testing.md" {
	try_page docs/testing.md
	[ -d 1 ]
	# What the page has for CI works, and finds what is wrong.
	sed -n '/^```sh$/,/^```$/p' "$source_root/docs/testing.md" | sed '/^```/d' >ci.sh
	[ "$(wc -l <ci.sh)" -gt 5 ]
	mkdir bin
	ln -s "$PAWL" bin/pawl
	(
		cd 1/workspace
		TMPDIR=$work PATH=$work/bin:$PATH sh "$work/ci.sh"
		echo Eve,1 >>totals.csv
		"$PAWL" run --only best
		"$PAWL" run --force
		[ "$(cat best.txt)" = Ada ]
		sed -i 's/sum\[name\] }/sum[name] /' stages/totals.awk
		! TMPDIR=$work PATH=$work/bin:$PATH sh "$work/ci.sh"
	)
}

@test "no other page has examples that nobody tries" {
	local page
	for page in $(pages); do
		case $page in
		README.md | docs/manifest.md | docs/expressions.md | docs/running.md | docs/control.md | \
			docs/retries.md | docs/compensations.md | docs/hooks.md | docs/checks.md | docs/reports.md | \
			docs/always.md | docs/testing.md | docs/progress.md | docs/flags.md | docs/loops.md | \
				docs/streams.md | docs/checkpoints.md) ;;
		*) ! grep -n '^```toml' "$source_root/$page" || return 1 ;;
		esac
	done
}

@test "a wrong example is found" {
	mkdir -p wrong/docs
	cat >wrong/page.md <<-'END'
		```toml
		[pipeline]
		name = "wrong"
		[stage.a]
		run = "echo a"
		stdout = "a.txt"
		```
		<!-- run -->
		<!-- expect: a.txt  b -->
	END
	source_root=$work/wrong
	run try_page page.md
	[ "$status" -ne 0 ]
	[[ $output == *"--- page.md:1"*"-b"* ]]
}

@test "links lead somewhere" {
	local page link target anchor failed=0
	for page in $(pages); do
		while IFS= read -r link; do
			case $link in *://*) continue ;; esac
			target=${link%%#*} anchor=
			case $link in *'#'*) anchor=${link#*#} ;; esac
			target=${target:+$(dirname "$page")/$target}
			target=$source_root/${target:-$page}
			if [ ! -e "$target" ]; then
				echo "$page: '$link' is not there"
				failed=1
			elif [ -n "$anchor" ] && ! has_anchor "$target" "$anchor"; then
				echo "$page: '$link' names no head"
				failed=1
			fi
		done < <(sed 's/`[^`]*`//g' "$source_root/$page" | grep -o '](\([^)]*\))' | sed 's/^](//; s/)$//')
	done
	return "$failed"
}

has_anchor() {
	sed -n 's/^##* //p' "$1" | tr '[:upper:]' '[:lower:]' | sed 's/[^a-z0-9 _-]//g; s/ /-/g' |
		grep -qxF -- "$2"
}

@test "sources and functions that are named exist" {
	local page name failed=0
	for page in architecture decisions formats; do
		for name in $(grep -o '`\(src\|tests\|testdata\|manifests\)/[^`…]*`' \
			"$source_root/docs/$page.md" | tr -d '`' | grep -v '[<*]' | sort -u); do
			[ -e "$source_root/$name" ] || { echo "$page: no '$name'"; failed=1; }
		done
		for name in $(grep -o '`[a-z_]*()`' "$source_root/docs/$page.md" | tr -d '`()' | sort -u); do
			grep -rqE "\b$name\(" "$source_root/src" || [ "$name" = default ] ||
				{ echo "$page: no '$name()'"; failed=1; }
		done
	done
	return "$failed"
}

# Names in the first column of the tables of a generated page.
first_column() {
	"$PAWL" dump docs "$1" | sed -n 's/^| `\([^`]*\)`.*/\1/p' | sort -u
}

@test "every key of the manifest is in its manual" {
	local key failed=0
	first_column manifest-keys >keys
	[ "$(wc -l <keys)" -gt 50 ]
	while IFS= read -r key; do
		grep -qE "(\`|[{,[ ]|\[)$key([]\`,} =]|\.NAME)" "$source_root/docs/manifest.md" ||
			{ echo "no '$key'"; failed=1; }
	done <keys
	return "$failed"
}

@test "every exit status has a part in troubleshooting" {
	local row failed=0
	"$PAWL" dump docs exit-status | sed -n 's/^| \([0-9][0-9n+]*\) | `*\([a-z-]*\)`* .*/\1: \2/p' >statuses
	[ "$(wc -l <statuses)" -ge 16 ]
	while IFS= read -r row; do
		grep -E '^## ' "$source_root/docs/troubleshooting.md" | grep -qwF -- "$row" ||
			{ echo "no '## $row'"; failed=1; }
	done <statuses
	return "$failed"
}

# What stands in a first column of troubleshooting.md, cut at what differs, is in the sources.
@test "messages in troubleshooting are the program's own" {
	local message part failed=0
	(cd "$source_root/src" && cat ./*.c ./*/*.c) | tr -d '\n' | sed 's/"[[:space:]]*"//g; s/\\"/"/g' >all
	while IFS= read -r message; do
		while IFS= read -r part; do
			[ "${#part}" -lt 8 ] || grep -qF -- "$part" all ||
				{ echo "no message has '$part' ($message)"; failed=1; }
		done < <(printf '%s\n' "$message" | sed 's/…/\n/g' | sed "s/^[':,) ]*//; s/[':( ]*\$//")
	done < <(sed -n 's/^| \(`.*`\) | .*/\1/p' "$source_root/docs/troubleshooting.md" |
		grep -o '`[^`]*`' | tr -d '`')
	return "$failed"
}

@test "commands and options that are named exist" {
	local page word failed=0
	"$PAWL" dump docs commands >all
	for page in README running manifest troubleshooting; do
		page=$source_root/$([ "$page" = README ] || echo docs/)$page.md
		for word in $(grep -oE '(`|^    )pawl [a-z]+' "$page" | sed 's/.*pawl //' | sort -u); do
			"$PAWL" help "$word" >/dev/null || { echo "$page: no command '$word'"; failed=1; }
		done
		for word in $(grep -oE -- '`[^`]*--[a-z-]+' "$page" | grep -oE -- '--[a-z-]+$' | sort -u); do
			grep -qF -- "$word" all || { echo "$page: no option '$word'"; failed=1; }
		done
	done
	return "$failed"
}

@test "README is short and its build commands are there" {
	[ "$(wc -l <"$source_root/README.md")" -lt 150 ]
	[ -x "$source_root/build.sh" ]
	grep -q '^ *\./build\.sh ' "$source_root/README.md"
	grep -q '^ *\./build\.sh test' "$source_root/README.md"
}

@test "README names each whole example, and the line that runs it" {
	local folder name failed=0
	for folder in "$source_root"/manifests/*/; do
		name=$(basename "$folder")
		grep -qF "(manifests/$name)" "$source_root/README.md" && grep -qxF "    pawl -C manifests/$name run" "$source_root/README.md" ||
			{ echo "no '$name'"; failed=1; }
		"$PAWL" -C "$folder" check >/dev/null || failed=1
		[ -e "$folder/README.md" ] && [ -e "$source_root/tests/cli/$name.bats" ] || { echo "$name is not told or tried"; failed=1; }
	done
	return "$failed"
}
