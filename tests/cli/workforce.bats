#!/usr/bin/env bats
# manifests/workforce: figures that another program recomputes, each rule seen to refuse, years that are
# added, a registry that is damaged, and runs that are killed.

load run.bash
load root.bash
load example.bash

setup() {
	copy_example workforce
	small=(-p employees=300 -p end_year=2028)
}

# Instances that started an attempt in the latest run, sorted, in one line, but for those that do so in each.
started() {
	"$PAWL" events latest | perl -MJSON::PP -ne '
		my $e = decode_json($_);
		$n{$e->{instance}} = 1 if $e->{type} eq "attempt.started" && $e->{stage} !~ /^(freshness|publish|cleanup)$/;
		END { print join(" ", sort keys %n), "\n" }'
}

# Years of what started, in one line; 'none' for a stage without.
started_years() {
	started | tr ' ' '\n' | sed 's/^[^@]*$/none/; s/.*year=//' | sort -u | paste -sd ' ' -
}

# Instances that started an attempt after one had ended well, over all runs.
ran_again() {
	local folder
	for folder in .pawl/runs/*/; do "$PAWL" events "$(basename "$folder")"; done | perl -MJSON::PP -ne '
		my $e = decode_json($_);
		next if !defined $e->{stage} || $e->{stage} =~ /^(freshness|publish|cleanup)$/;
		print "$e->{instance}\n" if $e->{type} eq "attempt.started" && $good{$e->{instance}};
		$good{$e->{instance}} = 1 if $e->{type} eq "attempt.finished" && $e->{state} eq "done"'
}

# A run that nothing disturbs, in ../calm.
calm() {
	rm -rf ../calm
	cp -R "$source_root/manifests/workforce" ../calm
	"$PAWL" -C ../calm run -q "$@"
}

# All that was made here is as in ../calm, and nothing else is left.
as_calm() {
	diff -rq --exclude .pawl ../calm .
}

# Rows of reports/summary.csv, one figure.
summary() { # $1 column
	awk -F , -v name="$1" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) at = i; next } { print $at }' \
		reports/summary.csv | paste -sd ' ' -
}

@test "workforce: its figures are those of the README, and another program finds them as well" {
	ends 0
	says "97 of 97 up to date"
	diff <(sed -n 's/^| \(20[0-9 |]*\) |$/\1/p' README.md | tr -d ' ') \
		<(awk -F , 'NR > 1 { print $1 "|" $2 "|" $3 "|" $4 "|" $5 "|" $6 }' reports/summary.csv)
	awk -v folder=. -v first=2026 -v last=2030 -f "$source_root/tests/recompute/figures.awk" \
		-f "$source_root/tests/recompute/workforce.awk" >../recomputed || { cat ../recomputed; return 1; }
	grep -E '^[0-9]{5} figures agree$' ../recomputed
	# No more but what runs in each run.
	ends 0
	[ -z "$(started)" ]
}

@test "workforce: each year opens with those who were left, and closes with them, plus hires, less terminations" {
	ends 0 "${small[@]}" -p end_year=2031
	perl -F, -ane '
		next if $. == 1;
		die "line $.: does not follow\n" if defined $closing && $F[1] != $closing;
		die "line $.: $F[4]\n" if $F[4] != $F[1] + $F[2] - $F[3];
		$closing = $F[4];
		END { print $. - 1, "\n" }' reports/summary.csv >../years
	[ "$(cat ../years)" = 6 ]
	# The reports of the years say the same, and so do the people themselves.
	for year in 2026 2027 2028 2029 2030 2031; do
		perl -MJSON::PP -0777 -ne '
			my $r = decode_json($_);
			my $levels = 0;
			$levels += $r->{"level_$_"} for 1 .. 5;
			die if $r->{closing} != $r->{opening} + $r->{hires} - $r->{terminations} || $r->{closing} != $levels;
			print $r->{closing}' "reports/$year.json" >../closing
		[ "$(grep -c ',active,' "out/$year/snapshot.csv")" -eq "$(cat ../closing)" ]
	done
	perl -MJSON::PP -0777 -ne 'my $g = decode_json($_); die if $g->{breaks} || $g->{years} != 6' reports/growth.json
	"$PAWL" report --format json | perl -MJSON::PP -0777 -ne '
		my @rows = @{decode_json($_)->{report}{rows}};
		die if @rows != 6 || grep { !defined $_->{scores}{growth} || !defined $_->{scores}{plan_cost} } @rows'
}

# Each row of the README's table of rules.
@test "workforce: each rule refuses when its data are spoilt" {
	local params stage rule status rows=0
	ends 0 "${small[@]}"
	while IFS='|' read -r _ params stage rule status _; do
		rows=$((rows + 1))
		params=$(tr -d '\` ' <<<"$params")
		stage=$(tr -d '\` ' <<<"$stage")
		rule=$(tr -d '\` ' <<<"$rule")
		ends "$((status))" "${small[@]}" -p "$params"
		says "refused   $stage"
		[ "$(sed -n 's/^  \(validation\|gate\) \([a-z-]*\): .*/\2/p' <<<"$output" | sort -u)" = "$rule" ]
		grep -qF "$rule" <(sed -n 's/^\[rule\.\(.*\)\]/\1/p' pawl.toml)
		[ ! -e registry/.*.new ]
	done < <(grep '^| `[a-z]*=' README.md)
	[ "$rows" -eq 10 ]
	# All rules but those that warn are in the table.
	[ "$(grep -c '^\[rule\.' pawl.toml)" -eq 12 ]
	[ "$(grep -c '^severity *= "warn"' pawl.toml)" -eq 2 ]
	calm "${small[@]}"
	ends 0 "${small[@]}"
	as_calm
}

@test "workforce: two rules only warn" {
	ends 0 "${small[@]}" -p override=growth=0.15
	says "warning   snapshot@year=2026: check 'row-count-moves' does not pass"
	ends 5 "${small[@]}" -p spoil=compensation
	says "warning   compensation@year=2027: check 'few-outside-their-range' does not pass"
}

@test "workforce: another end year adds its years and runs nothing else" {
	ends 0 "${small[@]}"
	ends 0 "${small[@]}" -p end_year=2030
	[ "$(started_years)" = "2029 2030 none" ]
	[ "$(started | tr ' ' '\n' | grep -c year=)" -eq 36 ]
	[ "$(started | tr ' ' '\n' | grep -v year=)" = summary ]
	[ "$(summary year)" = "2026 2027 2028 2029 2030" ]
	calm "${small[@]}" -p end_year=2030
	as_calm
	# Fewer of them: what is there stays, and is not counted. The earlier summary is in the store.
	ends 0 "${small[@]}"
	[ -z "$(started)" ]
	[ "$(summary year)" = "2026 2027 2028" ]
	[ -e reports/2030.json ]
}

@test "workforce: parameters of later years leave the years before alone" {
	ends 0 "${small[@]}"
	echo 2028,merit,0.05 >>data/parameters.csv
	ends 0 "${small[@]}"
	[ "$(started | tr ' ' '\n' | grep -v '^parameters@' | sed 's/.*year=//' | sort -u | paste -sd ' ' -)" = "2028 summary" ]
	[[ $(started) == *merit@year=2028* ]]
	# Needs are what they were, so nobody else is hired.
	not grep -q 'hires@' <(started)
}

@test "workforce: from a year on it is forced, and ends with the same" {
	ends 0 "${small[@]}"
	calm "${small[@]}"
	ends 0 "${small[@]}" --from initialise@year=2028
	[ "$(started_years)" = "2028 none" ]
	as_calm
}

@test "workforce: a damaged registry is rebuilt from the yearly events" {
	ends 0 "${small[@]}"
	calm "${small[@]}"
	echo nonsense >registry/deferral.csv
	sed -i 2d registry/escalation.csv
	rm registry/enrolment.csv
	ends 0 "${small[@]}"
	[ -z "$(started)" ]
	for kind in deferral escalation; do
		says "retry     1 of 1 of publish@kind=$kind"
		grep -qh "registry/$kind.csv is rebuilt, from the events of 2026 to 2028" .pawl/runs/*/logs/*
	done
	as_calm
	# Together with years that are added, and where those of other params stood.
	sed -i 2d registry/enrolment.csv
	ends 0 "${small[@]}" -p end_year=2029
	says "retry     1 of 1 of publish@kind=enrolment"
	not says "publish@kind=deferral in"
	calm "${small[@]}" -p end_year=2029
	as_calm
	# Events that do not lead to the registry of the last year say so.
	sed -i 2d registry/enrolment.csv
	sed -i 's/"auto"/"other"/' stages/registry.awk
	ends 1 "${small[@]}" -p end_year=2029 --only publish@kind=enrolment
	says "failed    publish@kind=enrolment: exit 65; 'recover' failed too: exit 1"
}

@test "workforce: no year begins with a damaged state" {
	ends 0 "${small[@]}"
	# By hand: it comes back, what lay there is kept, and no other year runs.
	echo 9999,active,1990,2020,1,Sales,50000,50000 >>out/2026/snapshot.csv
	sed -i '2s/.*/1,9900,2020/' out/2027/deferral.csv
	ends 0 "${small[@]}" -p end_year=2029
	[ "$(started_years)" = "2029 none" ]
	grep -q ^9999 "$(find .pawl/kept -name snapshot.csv)"
	calm "${small[@]}" -p end_year=2029
	as_calm

	# The store's copy, too: the year that made it runs again.
	object=$(sha256sum out/2028/escalation.csv | sed 's|^\(..\)\([0-9a-f]*\).*|.pawl/objects/\1/\2|')
	chmod u+w "$object"
	echo nonsense | tee "$object" >out/2028/escalation.csv
	ends 0 "${small[@]}" -p end_year=2030
	[ "$(started_years)" = "2028 2030 none" ]
	[ "$(started | tr ' ' '\n' | grep 2028)" = "registry@kind=escalation,year=2028" ]
	calm "${small[@]}" -p end_year=2030
	as_calm

	# Taken as it lies, a snapshot that does not go with its figures is refused by the year itself.
	echo 9999,active,1990,2020,1,Sales,50000,50000 >>out/2026/snapshot.csv
	ends 1 "${small[@]}" --only initialise@year=2027
	says "there are 310 people with"
}

@test "workforce: what a kill leaves half written is cleaned up, whatever happens" {
	mkdir registry
	echo half >registry/.deferral.new
	ends 5 "${small[@]}" -p today=2027-06-01
	[ ! -e registry/.deferral.new ]
	[ "$("$PAWL" log cleanup)" = "run: failed, refused" ]
	ends 3 "${small[@]}" -p employees=5
	ends 1 "${small[@]}" -p override=nothing=1
	says "'nothing=1' is no NAME=VALUE of a parameter"
	[ "$("$PAWL" log cleanup)" = "run: failed, exit" ]
}

@test "workforce: freshness may ask the clock" {
	sed -i "s/^2025-11-30,reviewed/$(date -u +%Y-%m-%d),reviewed/" data/parameters.csv
	ends 0 -p today=now freshness
	[[ $("$PAWL" log freshness) == "the parameters were reviewed "[01]" days before $(date -u +%Y)"* ]]
	ends 1 -p today=tomorrow freshness
	says "'tomorrow' is no date"
}

@test "workforce: killed in the third year and resumed, it ends as if undisturbed" {
	calm "${small[@]}"
	mkdir ../bin
	cat >../bin/awk <<-END
		#!/bin/sh
		if [ "\$PAWL_INSTANCE" = snapshot@year=2028 ] && mkdir '$BATS_TEST_TMPDIR/once' 2>/dev/null; then
			kill -9 "\$PPID"
			exit 1
		fi
		exec $(command -v awk) "\$@"
	END
	chmod +x ../bin/awk
	PATH=$BATS_TEST_TMPDIR/bin:$PATH ends 137 "${small[@]}"
	[ -e out/2027/snapshot.csv ] && [ ! -e out/2028/snapshot.csv ]
	"$PAWL" resume latest
	as_calm
	[ -z "$(ran_again)" ]
}

# A random instance of two years.
some_instance() {
	local stages=(initialise baseline compensation parameters needs needs-by-level hires terminations promotions \
		merit enrolment yearly-events registry snapshot contributions report summary census cleanup)
	local kinds=(enrolment deferral escalation)
	instance=${stages[RANDOM % 19]}
	case $instance in
	summary | census | cleanup) ;;
	registry) instance="registry@kind=${kinds[RANDOM % 3]},year=$((RANDOM % 2 + 2026))" ;;
	*) instance="$instance@year=$((RANDOM % 2 + 2026))" ;;
	esac
}

@test "workforce: killed at any moment, twenty times, it ends with the same bytes" {
	small=(-p employees=100 -p end_year=2027 -p seed=3)
	calm "${small[@]}"
	# A shell and an awk that tell when the instance begins that is to see the kill.
	mkfifo ../begins
	mkdir ../bin
	for program in sh awk; do
		cat >"../bin/$program" <<-END
			#!/bin/sh
			read -r instance <'$BATS_TEST_TMPDIR/instance'
			[ "\$PAWL_INSTANCE" != "\$instance" ] || : >'$BATS_TEST_TMPDIR/begins'
			exec $(command -v "$program") "\$@"
		END
		chmod +x "../bin/$program"
	done

	RANDOM=${PAWL_TEST_SEED:-2026}
	tries=0
	killed=0
	while [ "$killed" -lt 20 ] && [ "$tries" -lt 60 ]; do
		tries=$((tries + 1))
		rm -rf .pawl out reports registry
		some_instance
		echo "$instance" >../instance
		PATH=$BATS_TEST_TMPDIR/bin:$PATH "$PAWL" run "${small[@]}" >/dev/null 2>&1 3>&- &
		pid=$!
		perl -e 'open my $begins, "<", shift; 1 while $ARGV[0]-- > 0; kill "KILL", $ARGV[1]' \
			../begins $((RANDOM * 5)) "$pid"
		status=0
		wait "$pid" || status=$?
		[ "$status" -eq 137 ] || continue
		killed=$((killed + 1))

		# A kill may fall between the end of its record and that of its process.
		"$PAWL" resume latest 2>../said || grep -q "is completed" ../said || { echo "resume: $?"; cat ../said; "$PAWL" runs; "$PAWL" events latest | tail -3; return 1; }
		as_calm
		[ -z "$(ran_again)" ]
	done
	echo "killed $killed times in $tries runs"
	[ "$killed" -eq 20 ]
}

@test "workforce: the lines of the README are accepted" {
	grep '^    pawl run' README.md | sed 's/ *#.*//' >../lines
	[ "$(wc -l <../lines)" -eq 6 ]
	while read -r _ _ words; do
		# shellcheck disable=SC2086
		"$PAWL" run -n $words
	done <../lines
}

@test "workforce: runs in an empty root with only sh and awk, and gives the same bytes" {
	empty_root
	in_root run "${small[@]}"
	in_root run "${small[@]}" -p end_year=2029
	calm "${small[@]}" -p end_year=2029
	diff -r --exclude .pawl ../calm "$root/work"
}

@test "workforce: five generators of events stand side by side, behind the needs by level" {
	"$PAWL" graph --format json | perl -MJSON::PP -0777 -ne '
		my @five = qw(hires terminations promotions merit enrolment);
		my %five = map { $_ => 1 } @five;
		my @edges = @{decode_json($_)->{edges}};
		die "one waits for another\n" if grep { $five{$_->{from}} && $five{$_->{to}} } @edges;
		for my $one (@five) {
			die "$one\n" if 1 != grep { $_->{from} eq "needs-by-level" && $_->{to} eq $one } @edges;
			die "$one\n" if 1 != grep { $_->{from} eq $one && $_->{to} eq "yearly-events" } @edges;
		}'
}
