#!/usr/bin/env bats
# manifests/atoms: what is fed, dropped, embedded and published, each once, whatever fails or is killed,
# and whether the neighbours that are found make sense.

load run.bash
load root.bash
load example.bash

setup() {
	copy_example atoms
	log=published/atoms.jsonl
}

# A smaller file, for tests of many runs.
few() { # $1 records
	head -n $(($1 + 1)) data/airports.csv >data/few.csv
	small=(-p records=data/few.csv)
}

# A figure of what became of all lines.
figure() { # $1 name
	sed -n "s/.*\"$1\": \([0-9]*\).*/\1/p" out/figures.json
}

figures() { # NAME=NUMBER...
	local each
	for each in "$@"; do
		if [ "$(figure "${each%%=*}")" != "${each#*=}" ]; then
			echo "$each was expected in $(cat out/figures.json)"
			return 1
		fi
	done
}

# Published once each are exactly the atoms that are kept.
published_once() { # $1 the log, $2 the folder that keeps them
	sed 's/^{"item":"\([0-9a-f]*\)".*}$/\1/' "${1:-$log}" | sort >../published
	cut -f 1 "${2:-.}/out/atoms.tsv" | sort >../kept
	diff ../kept ../published
}

# Of the items of a stage, as the report has it.
of_items() { # $1 stage, $2 figure
	"$PAWL" report --format json | perl -MJSON::PP -0777 -ne '
		my ($row) = grep { $_->{instance} eq "'"$1"'" } @{decode_json($_)->{report}{rows}};
		print $row->{metrics}{"'"$2"'"}, "\n"'
}

# A run that nothing disturbs, in ../calm.
calm() {
	cp -R "$source_root/manifests/atoms" ../calm
	cp data/*.csv ../calm/data
	"$PAWL" -C ../calm run -q "$@"
}

as_calm() {
	diff -r ../calm/out out
	diff -r ../calm/db db
}

@test "atoms: every line that is fed is accounted for, and each atom is published once" {
	ends 0
	figures fed=4220 dropped=844 refused=0 unique=3376 failed=0 atoms=3376 twice=0
	[ "$(cat out/batches/*.csv | wc -l)" -eq 4220 ]
	[ "$(cat db/*.tsv | wc -l)" -eq 3376 ]
	# As many as there are records, none of which is there twice.
	[ "$(sed 1d data/airports.csv | sort -u | wc -l)" -eq 3376 ]
	diff <(sed 1d data/airports.csv | cut -d , -f 1 | sort) <(cat db/*.tsv | cut -f 2 | sort)
	published_once
	perl -MJSON::PP -ne 'my $l = decode_json($_); die $_ if grep { !length $l->{$_} } qw(item trace code name city state country)' "$log"
	ends 0
	says "everything is up to date"
	"$PAWL" plan --check
}

@test "atoms: other batches, in another order, are the same atoms, and nothing is published again" {
	ends 0
	cp "$log" ../first
	sort out/unique.tsv >../unique
	ends 0 -p batches=7 -p overlap=0.5 -p seed=9
	figures fed=5063 dropped=1687 unique=3376
	sort out/unique.tsv | cmp - ../unique
	cmp "$log" ../first
	# Neither does a workspace that knows nothing of it.
	rm -rf .pawl out db
	ends 0
	cmp "$log" ../first
	# The seed is of the order alone.
	cp out/batches/1.csv ../first
	ends 0 -p seed=2
	not cmp -s out/batches/1.csv ../first
	sort ../first | cmp - <(sort out/batches/1.csv)
}

@test "atoms: a line with a CR at its end, or quotes around a field, is the same atom" {
	few 3
	printf '%s\r\n' '00M,"Thigpen","Bay Springs",MS,USA,31.95376472,-89.23450472' >>data/few.csv
	ends 0 "${small[@]}" -p batches=1 -p overlap=1.0
	figures fed=8 dropped=5 unique=3
}

@test "atoms: neither the queue nor the workers change what comes out" {
	few 300
	calm "${small[@]}"
	ends 0 "${small[@]}" -p queue=1 -p workers=1
	as_calm
	rm -rf .pawl out db
	ends 0 "${small[@]}" -p queue=3 -p workers=7
	as_calm
	published_once
}

@test "atoms: a share of them has the new vectors, and keeps it as the share grows" {
	ends 0 --flag new_model=off
	figures old=3376 new=0
	ends 0 --flag new_model=10
	figures atoms=3376
	[ "$(figure new)" -gt 270 ] && [ "$(figure new)" -lt 410 ]
	awk -F '\t' '$9 == "new" { print $1 }' out/embedded.tsv | sort >../ten
	ends 0
	[ "$(figure new)" -gt 1550 ] && [ "$(figure new)" -lt 1830 ]
	awk -F '\t' '$9 == "new" { print $1 }' out/embedded.tsv | sort >../fifty
	[ -z "$(comm -23 ../ten ../fifty)" ]
	[ "$(of_items embed variant.new)" -eq "$(figure new)" ]
	ends 0 --flag new_model=on
	figures old=0 new=3376
	published_once
}

@test "atoms: damaged records are dead letters with the reason, all others go on" {
	ends 0 -p fault=damaged
	figures fed=4220 refused=104 unique=3292 atoms=3292
	[ "$(wc -l <out/refused.jsonl)" -eq 104 ]
	[ "$(grep -c "\"reason\":\"'' is no latitude\",\"cause\":\"exit\",\"attempts\":1}" out/refused.jsonl)" -eq 104 ]
	[ "$("$PAWL" dead digest | grep -c "'' is no latitude, 1 attempt")" -eq 84 ]
	published_once
	cp "$log" ../first
	# Whole again, what was missing is published, and only that.
	ends 0
	figures refused=0 atoms=3376
	head -n 3292 "$log" | cmp - ../first
	published_once
	# More of them than max_dead bears fail the stage.
	awk 'NR % 10 == 2 { sub(/,[^,]*$/, ",east") } { print }' data/airports.csv >data/few.csv
	ends 1 -p records=data/few.csv
	says "failed    digest"
	says "more than 5%"
	says "is no longitude"
}

@test "atoms: where the new model fails the old one takes its place, and no atom is lost" {
	ends 0 -p fault=model
	figures failed=0 atoms=3376
	old=$(figure old)
	fell_back=$(of_items embed fallback.new)
	[ "$fell_back" -gt 0 ]
	[ "$(of_items embed dead)" -eq 0 ]
	published_once
	ends 0
	[ "$(figure old)" -eq $((old - fell_back)) ]
}

@test "atoms: a log that is busy for a while is tried again, until all is published" {
	ends 0 -p fault=flaky
	refused=$(cut -f 1 out/atoms.tsv | grep -c '7$')
	[ "$(of_items publish retried)" -eq $((2 * refused)) ]
	[ "$(of_items publish dead)" -eq 0 ]
	published_once
}

@test "atoms: a log that does not answer opens the breaker, and nothing is lost" {
	ends 10 -p fault=down
	says "breaker   log is open"
	says "failed    publish"
	figures atoms=3376
	[ ! -s "$log" ]
	"$PAWL" status | grep "log is open"
	# It is left alone for a while.
	ends 10
	says "circuit breaker is open"
	[ ! -s "$log" ]
	# The atoms are kept: when it answers again, they are published.
	again() { "$PAWL" run -p rest=10ms >../said 2>&1; }
	wait_until again
	grep "log lets one through" ../said
	grep "log is closed" ../said
	published_once
}

@test "atoms: what persist does not account for is not published" {
	few 100
	sed -i 's/twice == 0 and/twice == 1 and/' pawl.toml
	ends 5 "${small[@]}"
	says "validation nothing is there twice"
	[ ! -s "$log" ]
	sed -i 's/twice == 1 and/twice == 0 and/' pawl.toml
	ends 0 "${small[@]}"
	published_once
}

@test "atoms: the trace of the run is in each line that it published" {
	few 40
	trace=0123456789abcdef0123456789abcdef
	TRACEPARENT=00-$trace-0123456789abcdef-01 ends 0 "${small[@]}"
	[ "$(grep -c "\"trace\":\"$trace\"" "$log")" -eq 40 ]
	grep -q "\"trace\":\"$trace\"" <("$PAWL" events latest)
	# What a later run adds has the trace of that.
	few 60
	ends 0 "${small[@]}"
	own=$("$PAWL" events latest | sed -n '1s/.*"trace":"\([0-9a-f]*\)".*/\1/p')
	[ "$own" != "$trace" ]
	[ "$(wc -l <"$log")" -eq 60 ]
	[ "$(grep -c "\"trace\":\"$own\"" "$log")" -eq 20 ]
}

# --- neighbours ---

nearest() { # $1 query, arguments: the nearest ones, as CODE CITY, STATE
	ends 0 -p neighbours=3 -p query="$@" >/dev/null
	cut -f 2,4,5 out/nearest.tsv
}

@test "atoms: the nearest of an airport is of its city" {
	for code in JFK ORD DAL IAH WHP MIA SEA ATL DEN; do
		place=$(awk -F , -v code=$code '$1 == code { print $3 "\t" $4 }' data/airports.csv)
		nearest "$code" --flag new_model=on >../near
		echo "$code, $place: $(paste -sd ';' ../near)"
		not grep -q "^$code	" ../near
		[ "$(head -n 1 ../near | cut -f 2,3)" = "$place" ]
	done
	# With half of the atoms under each model, or all under the old one, it is of the state at least.
	for share in off 50; do
		for code in JFK ORD DEN; do
			state=$(awk -F , -v code=$code '$1 == code { print $4 }' data/airports.csv)
			[ "$(nearest "$code" --flag new_model=$share | head -n 1 | cut -f 3)" = "$state" ]
		done
	done
}

@test "atoms: words are a query as well" {
	nearest houston --flag new_model=on >../near
	[ "$(grep -c "Houston" ../near)" -eq 3 ]
	nearest "los angeles" --flag new_model=on >../near
	head -n 1 ../near | grep -q "Los Angeles	CA"
	# One that is not quite right.
	nearest albuquerqe --flag new_model=on >../near
	[ "$(head -n 2 ../near | grep -c "Albuquerque	NM")" -eq 2 ]
}

# --- kills ---

@test "atoms: killed between an append and its record, nothing is published twice" {
	few 300
	calm "${small[@]}"
	# The answer to the fiftieth atom is there, and is never told: the run is killed first.
	mkdir ../bin
	cat >../bin/awk <<-END
		#!/bin/sh
		n=0
		[ "\$PAWL_STAGE" = publish ] && [ "\$*" != "-W version" ] || exec $(command -v awk) "\$@"
		$(command -v awk) "\$@" | while read -r answer; do
			n=\$((n + 1))
			if [ "\$n" -eq 50 ]; then
				kill -9 "\$(cat '$BATS_TEST_TMPDIR/pid')"
				until [ -e '$BATS_TEST_TMPDIR/never' ]; do sleep 0.01; done
			fi
			echo "\$answer"
		done
	END
	chmod +x ../bin/awk
	PATH=$BATS_TEST_TMPDIR/bin:$PATH "$PAWL" run "${small[@]}" >/dev/null 2>&1 3>&- &
	pid=$!
	echo "$pid" >../pid
	status=0
	wait "$pid" || status=$?
	[ "$status" -eq 137 ]
	[ "$(wc -l <"$log")" -eq 50 ]
	cp "$log" ../first
	ends 0 "${small[@]}"
	as_calm
	published_once
	head -n 50 "$log" | cmp - ../first
}

@test "atoms: a line that was written in part is no atom, and its atom is published" {
	few 30
	mkdir published
	calm "${small[@]}"
	head -n 4 ../calm/published/atoms.jsonl | head -c -20 >"$log"
	cp "$log" ../first
	ends 0 "${small[@]}"
	[ "$(wc -l <"$log")" -eq 31 ]
	head -c "$(wc -c <../first)" "$log" | cmp - ../first
	grep '}$' "$log" >../whole
	published_once ../whole
}

@test "atoms: killed at any moment, twenty times, it ends with the same atoms, each published once" {
	few 200
	calm "${small[@]}"
	stages=(feed@batch=2 digest unique embed persist publish publish nearest)
	# An awk that tells when the instance begins that is to see the kill.
	mkdir ../bin
	cat >../bin/awk <<-END
		#!/bin/sh
		read -r instance <'$BATS_TEST_TMPDIR/instance'
		[ "\$PAWL_INSTANCE" != "\$instance" ] || : >'$BATS_TEST_TMPDIR/begun'
		exec $(command -v awk) "\$@"
	END
	chmod +x ../bin/awk

	RANDOM=${PAWL_TEST_SEED:-2007}
	tries=0
	killed=0
	while [ "$killed" -lt 20 ] && [ "$tries" -lt 60 ]; do
		tries=$((tries + 1))
		rm -rf .pawl out db published ../begun
		echo "${stages[RANDOM % 8]}" >../instance
		PATH=$BATS_TEST_TMPDIR/bin:$PATH "$PAWL" run "${small[@]}" >/dev/null 2>&1 3>&- &
		pid=$!
		perl -e '
			select undef, undef, undef, 0.001 until -e $ARGV[0] || !kill 0, $ARGV[2];
			select undef, undef, undef, $ARGV[1] / 1e6;
			kill "KILL", $ARGV[2]' ../begun $((RANDOM * 2)) "$pid"
		status=0
		wait "$pid" || status=$?
		[ "$status" -eq 137 ] || continue
		killed=$((killed + 1))
		echo "$killed: killed in $(cat ../instance), $(cat "$log" 2>/dev/null | wc -l) published"

		"$PAWL" run -q "${small[@]}"
		as_calm
		published_once
		"$PAWL" plan --check "${small[@]}" >/dev/null
	done
	echo "killed $killed times in $tries runs"
	[ "$killed" -eq 20 ]
}

# --- anywhere ---

@test "atoms: every awk makes the same of it" {
	few 200
	calm "${small[@]}"
	mkdir ../bin
	count=0
	for program in mawk gawk "busybox awk"; do
		command -v "${program% *}" >/dev/null || continue
		printf '#!/bin/sh\nexec %s "$@"\n' "$program" >../bin/awk
		chmod +x ../bin/awk
		rm -rf .pawl out db published
		PATH=$BATS_TEST_TMPDIR/bin:$PATH ends 0 "${small[@]}"
		as_calm
		published_once
		count=$((count + 1))
	done
	[ "$count" -gt 0 ]
}

@test "atoms: the lines of the README are accepted" {
	grep '^    pawl \(run\|plan\)' README.md | sed 's/ *#.*//' >../lines
	[ "$(wc -l <../lines)" -ge 6 ]
	while read -r _ _ words; do
		# shellcheck disable=SC2086
		"$PAWL" plan $words
	done <../lines
}

@test "atoms: runs in an empty root with only sh and awk" {
	few 200
	empty_root
	in_root run "${small[@]}"
	in_root run "${small[@]}"
	grep -q "up to date" "$BATS_TEST_TMPDIR/said"
	calm "${small[@]}"
	diff -r ../calm/out "$root/work/out"
	diff -r ../calm/db "$root/work/db"
	published_once "$root/work/$log" ../calm
}
