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

# --- figures, and [report] of the manifest -------------------------------------------------------

# A strategy in three steps; the files `live` and `paper` say how each did.
strategy() {
	cat >pawl.toml <<-'EOF'
		[pipeline]
		name = "strategy"

		[params]
		least = 1.0

		[report]
		rows              = ["historical", "live", "paper"]
		columns           = ["sharpe", "trades"]
		score.consistency = "min(historical.sharpe, live.sharpe) / max(historical.sharpe, live.sharpe)"
		score.decay       = "sharpe / historical.sharpe"
		warn = [
		    { when = "trades < 10", text = "only {{trades}} trades" },
		    { when = "score.consistency < 0.5", text = "consistency {{format('%.2f', score.consistency)}}" },
		]
		recommend = [
		    { when = "paper.sharpe >= least and score.consistency >= 0.5", text = "deploy" },
		    { when = "live.state == 'failed'", text = "mend live" },
		    { text = "do not deploy" },
		]

		[stage.historical]
		run     = "cat hist >historical.json"
		inputs  = ["hist"]
		metrics = "historical.json"

		[stage.live]
		run     = "cat live >live.json"
		inputs  = ["live", "historical.json"]
		metrics = "live.json"

		[stage.paper]
		run     = "cat paper >paper.json; ! grep -q fails paper"
		inputs  = ["paper", "live.json"]
		metrics = "paper.json"
		gate    = "sharpe > 0.2"
	EOF
	echo '{"sharpe": 1.25, "trades": 31, "other": 1}' >hist
	echo '{"sharpe": 1.0, "trades": 12}' >live
	echo '{"sharpe": 1.5, "trades": 7}' >paper
}

# The part of a report under this head.
part() {
	sed -n "/^$1\$/,/^[A-Z]/p" have | sed '1d;/^[A-Z]/d;/^$/d'
}

@test "rows, columns, scores, warnings, a recommendation" {
	strategy
	"$PAWL" run
	"$PAWL" report >have 2>said
	cat have said
	[ ! -s said ]
	diff -u - <(part Figures) <<-'EOF'
		instance    state  sharpe  trades  decay
		historical  done     1.25      31      1
		live        done      1.0      12    0.8
		paper       done      1.5       7    1.2
	EOF
	diff -u - <(part Scores) <<-'EOF'
		score        value
		consistency    0.8
	EOF
	[ "$(part Warnings)" = "  paper: only 7 trades" ]
	[ "$(part Recommendation)" = "  deploy" ]
	not grep -q '^Cannot be told' have
}

@test "what was up to date has the metrics of its result, what was refused those it was refused for" {
	strategy
	"$PAWL" run
	echo '{"sharpe": 0.1, "trades": 70}' >paper
	"$PAWL" run && false
	"$PAWL" report >have
	cat have
	diff -u - <(part Figures) <<-'EOF'
		instance    state       sharpe  trades  decay
		historical  up_to_date    1.25      31      1
		live        up_to_date     1.0      12    0.8
		paper       refused        0.1      70   0.08
	EOF
	[ "$(part Recommendation)" = "  do not deploy" ]
	"$PAWL" report previous >have
	grep -q '^paper       done      1.5       7    1.2$' have
}

@test "over what is missing no condition holds, and the report says why" {
	strategy
	echo '{"sharpe": "high", "trades": NaN}' >live
	echo '{"sharpe": 1, "fails": true}' >paper
	"$PAWL" run && false
	"$PAWL" report >have
	cat have
	diff -u - <(part Figures) <<-'EOF'
		instance    state     sharpe  trades  decay
		historical  done        1.25      31      1
		live        done    a string     NaN
		paper       failed
	EOF
	diff -u - <(part 'Cannot be told') <<-'EOF'
		  score 'consistency': 'live.sharpe' is a string, not a number
		  live: score 'decay': 'sharpe' is a string, not a number
		  paper: score 'decay': 'sharpe' is missing: 'paper' failed
		  live: warn 'trades < 10': 'trades' is missing: what was given is NaN
		  paper: warn 'trades < 10': 'trades' is missing: 'paper' failed
		  warn 'score.consistency < 0.5': 'score.consistency' is missing: 'live.sharpe' is a string, not a number
		  recommend 'paper.sharpe >= least and score.consistency >= 0.5': 'paper.sharpe' is missing: 'paper' failed
	EOF
	[ "$(part Recommendation)" = "  do not deploy" ]
}

@test "params are those of the run, not those of the manifest" {
	strategy
	"$PAWL" run -p least=9
	"$PAWL" report >have
	[ "$(part Recommendation)" = "  do not deploy" ]
	sed -i 's/^least = 1.0/least = "word"/; s/ >= least and/ >= 2 and/' pawl.toml
	"$PAWL" report >have
	[ "$(part Recommendation)" = "  do not deploy" ]
}

@test "csv, markdown and json of figures with names that mean harm" {
	cat >pawl.toml <<-'EOF'
		[pipeline]
		name = "harm"

		[report]
		columns = ["a,b", "a|b", "a\nb", "say \"x\"", "=1+1", "none", "n"]
		score.n = "metric['a,b'] + 1"
		warn    = { when = "metric['a,b'] > 0", text = "<b>|\nline\u001b[31m" }

		[stage.s]
		matrix.of = ["x|y", "u,v"]
		run     = "cp harm.json {{ if_x }}.json"
		inputs  = ["harm.json"]
		metrics = "{{of}}.json"
	EOF
	sed -i 's/{{ if_x }}/{{of}}/' pawl.toml
	printf '%s' '{"a,b": 1, "a|b": 2.5, "a\nb": 9007199254740993, "say \"x\"": "t", "=1+1": 1e-7, "n": {"x": 1}}' >harm.json
	"$PAWL" run
	"$PAWL" report --format csv >have
	cat have
	# One record more than rows although a name has a line end.
	grep -q '^instance,.*,place,"metric.a,b",metric.a|b,"metric.a$' have
	grep -q '^b","metric.say ""x""",metric.=1+1,metric.none,metric.n,score.n$' have
	grep -q '^s@of=u%2Cv,s,done,1,.*,1,2.5,9007199254740993,a string,1e-07,,,2$' have
	[ "$(wc -l <have)" -eq 4 ]
	"$PAWL" report --format markdown >have
	cat have
	grep -q '^| instance | state | a,b | a\\|b | a b | say "x" | =1+1 | none | n | n |$' have
	grep -q '^| s@of=x%7Cy | done | 1 | 2.5 | 9007199254740993 | a string | 1e-07 |  |  | 2 |$' have
	grep -q '^- s@of=x%7Cy: \\<b>\\| line$' have
	not grep -q "$(printf '\033')" have
	"$PAWL" report >have
	not grep -q "$(printf '\033')" have
	perl -MJSON::PP -e 1 || skip "perl has no JSON::PP"
	"$PAWL" report --format json | perl -MJSON::PP -e 'local $/; $r = decode_json(<STDIN>)->{report};
		die unless @{$r->{columns}} == 7 && $r->{rows}[0]{metrics}{"a\nb"} == 9007199254740993 &&
			$r->{rows}[0]{scores}{n} == 2 && $r->{warnings}[1]{text} =~ /^<b>\|\nline\e/ &&
			!exists $r->{rows}[0]{metrics}{none}'
}

@test "without [report]: every instance that has metrics, all of them" {
	strategy
	sed -i '/^\[report\]/,/^    { text = "do not/d; /^\]$/d' pawl.toml
	"$PAWL" run
	"$PAWL" report >have
	cat have
	grep -q '^instance    state  attempts  *time  other  sharpe  trades$' have
	grep -q '^historical  done          1 .* 1    1.25      31$' have
	"$PAWL" report --format csv >have
	grep -q '^instance,.*,place,metric.other,metric.sharpe,metric.trades$' have
	grep -q '^paper,paper,done,.*,,1.5,7$' have
}

@test "two runs compared" {
	strategy
	"$PAWL" run
	id=$("$PAWL" runs --json | sed -n 's/.*"run": "\([^"]*\)".*/\1/p' | head -n 1)
	echo '{"sharpe": 0.5, "trades": 12}' >live
	sed 's/^\[stage.paper\]/[stage.extra]\nrun = "true"\n&/' pawl.toml >new.toml
	mv new.toml pawl.toml
	"$PAWL" run -p least=2.5
	"$PAWL" report --compare previous >have
	cat have
	grep -q "^Compared with $id\$" have
	grep -q '^live        sharpe  *0.5  *1.0  *-0.5  *-50.0 %$' have
	grep -q '^historical  trades  *31  *31  *0  *+0.0 %$' have
	grep -q '^live        decay  *0.4  *0.8  *-0.4  *-50.0 %$' have
	grep -q '^            consistency  *0.4  *0.8  *-0.4  *-50.0 %$' have
	[ "$(part 'Params that differ')" = "$(printf 'param  this run  the other\nleast  2.5       1.0')" ]
	[ "$(part 'Stages of one alone')" = "$(printf 'stage  is in\nextra  this run')" ]
	"$PAWL" report --compare "$id" --format csv >have
	grep -qx 'metric,live,sharpe,0.5,1.0,-0.5,-0.5' have
	grep -qx 'param,,least,2.5,1.0,,' have
	grep -qx 'stage,,extra,there,,,' have
	"$PAWL" report previous --compare latest --format csv >have
	grep -qx 'stage,,extra,,there,,' have
	grep -qx 'metric,live,sharpe,1.0,0.5,0.5,1.0' have
	"$PAWL" report --compare latest --format markdown >have
	grep -q '^## Compared with ' have
	status=0
	"$PAWL" report --compare nosuch 2>said || status=$?
	[ "$status" -eq 2 ]
}

@test "a stage that is gone, one that is new, and a manifest with mistakes" {
	strategy
	"$PAWL" run
	# The manifest names a stage that the run did not have.
	printf '[stage.after]\nrun = "true"\n' >>pawl.toml
	sed -i 's/"live", "paper"\]/"live", "paper", "after"]/' pawl.toml
	"$PAWL" report >have
	cat have
	grep -q '^after       -$' have
	# One that it names is gone: a mistake of the manifest.
	sed -i '/^\[stage.paper\]/,/^gate/d' pawl.toml
	"$PAWL" check 2>said && false
	grep -q "no stage matches 'paper'" said
	grep -q "there is no stage 'paper'" said
	"$PAWL" report >have 2>said
	cat have said
	grep -q "its \[report\] does not count: 'pawl check' says why" said
	grep -q '^historical  done ' have
	grep -q '^paper       done ' have
	not grep -q '^Recommendation' have
	# Without it, what it had is still on record.
	sed -i 's/, "paper", "after"\]/]/; /paper.sharpe/d' pawl.toml
	"$PAWL" report >have
	cat have
	grep -q '^live        done ' have
	[ "$(part Figures | grep -c '^paper')" = 0 ]
}

@test "a run that goes on, and one without a record" {
	strategy
	sed -i 's/cat live >live.json/touch up; until [ -e go ]; do sleep 0.01; done; &/' pawl.toml
	id=$("$PAWL" run --detach)
	until [ -e up ]; do sleep 0.01; done
	"$PAWL" report >have
	touch go
	cat have
	grep -q '^state     running$' have
	grep -q '^historical  done  *1.25  *31  *1$' have
	grep -q '^live        running$' have
	grep -q "'live.sharpe' is missing: 'live' has not ended yet" have
	"$PAWL" wait "$id"
	# One that was killed, and then another took its place.
	rm up go
	echo '{"sharpe": 3.0, "trades": 1}' >live
	id=$("$PAWL" run --detach)
	until [ -e up ]; do sleep 0.01; done
	kill -9 "$("$PAWL" events "$id" | sed -n '1s/.*"pid":\([0-9]*\).*/\1/p')"
	touch go
	until "$PAWL" report "$id" >have && grep -q '^state     interrupted$' have; do sleep 0.01; done
	cat have
	grep -q '^historical  up_to_date  *1.25  *31  *1$' have
	printf '[stage.after]\nrun = "true"\n' >>pawl.toml
	"$PAWL" run
	"$PAWL" report "$id" >have
	grep -q '^state     abandoned' have
	grep -q '^historical  up_to_date  *1.25  *31  *1$' have
	"$PAWL" report --compare "$id" --format csv >have
	grep -qx 'stage,,after,there,,,' have
	: >".pawl/runs/$id/events.jsonl"
	"$PAWL" report "$id" >have
	cat have
	grep -q '^historical  -$' have
	[ "$(part Recommendation)" = "  do not deploy" ]
}

@test "[report] is no part of what runs: a change of it makes nothing run again" {
	strategy
	"$PAWL" run
	sed -i 's/"only /"just /' pawl.toml
	"$PAWL" run 2>said
	cat said
	grep -q 'everything is up to date (3 instances)' said
	[ "$(find .pawl/runs -mindepth 1 -maxdepth 1 | wc -l)" = 1 ]
	"$PAWL" report >have
	[ "$(part Warnings)" = "  paper: just 7 trades" ]
}
