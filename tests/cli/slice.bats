#!/usr/bin/env bats
# A run after little has changed: what is behind the change is planned, decided and run, and nothing
# else; its record speaks of the whole plan all the same, and the next call finds that all stands.

load run

# The last run was one of a slice: what it changed is noted behind the last state.
noted() {
	[ -e .pawl/index.log ]
}

# Which instances the latest run tried, by the numbers in what their commands found.
attempts_of() {
	"$PAWL" -C "$1" events latest | sed -n 's/.*"attempt_id":"[^."]*\.\([0-9]*\.[0-9]*\)\..*/\1/p' |
		sort -u
}

# A copy of the workspace in which the last state is not known, so that the whole plan is decided.
whole() {
	rm -rf ../whole
	cp -a . ../whole
	rm -f ../whole/.pawl/index ../whole/.pawl/index.log
}

# What a record says, but for what differs from run to run; sets of instances count by what is in
# them.
record_of() {
	"$PAWL" -C "$1" events latest |
		grep -v -e '"type":"limit.changed"' -e '"type":"run.started"' -e '"type":"warning"' |
		sed -e 's/.*"type":"\([a-z_.]*\)"/\1 /' \
			-e 's/"\(chain\|trace\|span\|run\|attempt_id\|log\|[a-z_]*_at\)":"[^"]*"//g' \
			-e 's/"\([a-z_]*_ns\|[a-z_]*_bytes\|running\|ready\|limit\|through\)":[0-9]*//g' |
		awk '$1 == "instances.up_to_date" || $1 == "instances.ready" {
			gsub(/.*"ids":"|".*/, "")
			count = split($0, parts, ",")
			for (i = 1; i <= count; i++) {
				last = first = parts[i]
				sub(/-.*/, "", first)
				sub(/.*-/, "", last)
				for (n = first + 0; n <= last + 0; n++) { print "of a set", n }
			}
			next
		}
		{ print }' | LC_ALL=C sort
}

# What result.json says, without times.
result_of() {
	id=$("$PAWL" -C "$1" events latest | sed -n '1s/.*"run":"\([^"]*\)".*/\1/p')
	grep -vE '"(run|head|trace|workspace|attempt_id|log|command_line|[a-z_]*_at|[a-z_]*_ns|max_rss_bytes)":' \
		"$1/.pawl/runs/$id/result.json" | grep '"'
}

# Both workspaces say the same of their last run.
same_record() {
	record_of . >../record
	record_of ../whole >../record.whole
	diff ../record.whole ../record
	"$PAWL" status | sed -n '/^instances/p; /^attempts/p' >../status
	"$PAWL" -C ../whole status | sed -n '/^instances/p; /^attempts/p' >../status.whole
	diff ../status.whole ../status
	attempts_of . >../attempts
	attempts_of ../whole >../attempts.whole
	[ -s ../attempts ]
	diff ../attempts.whole ../attempts
	result_of . >../result
	result_of ../whole >../result.whole
	[ -s ../result ]
	diff ../result.whole ../result
}

pipeline() {
	manifest <<-'END'
		[stage.copy]
		matrix = { n = [1, 2, 3, 4] }
		run = "echo copy{{n}} >>../ran; cat {{inputs}} > out/{{n}}"
		inputs = ["src/{{n}}"]
		outputs = ["out/{{n}}"]
		[stage.never]
		when = "1 == 2"
		run = "exit 1"
		inputs = ["src/1"]
		outputs = ["never"]
		[stage.twice]
		matrix = { n = [1, 2, 3, 4] }
		run = "echo twice{{n}} >>../ran; cat {{inputs}} {{inputs}} > twice/{{n}}"
		inputs = ["out/{{n}}"]
		outputs = ["twice/{{n}}"]
		[stage.sum]
		run = "echo sum >>../ran; cat {{inputs}} > sum"
		inputs = ["twice/1", "twice/2"]
		outputs = ["sum"]
	END
	mkdir src
	for n in 1 2 3 4; do echo "$n" >src/$n; done
}

@test "a change of one source runs what is behind it, and no more" {
	pipeline
	ends 0
	ran copy1 copy2 copy3 copy4 twice1 twice2 twice3 twice4 sum
	stands '9 instances, 1 skipped'
	echo two >src/2
	ends 0
	noted
	ran copy2 twice2 sum
	has sum "$(printf '1\n1\ntwo\ntwo')"
	stands '9 instances, 1 skipped'
	echo four >src/4
	ends 0
	noted
	ran copy4 twice4
	stands '9 instances, 1 skipped'
}

@test "its record is that of a run of the whole plan" {
	pipeline
	ends 0
	echo two >src/2
	whole
	ends 0
	noted
	says "6 up to date"
	says "skipped   never: when = 1 == 2 is false"
	says "9 of 10 up to date: 3 ran, 6 were up to date, 1 skipped"
	(cd ../whole && "$PAWL" run)
	same_record
	"$PAWL" report >../report
	grep -q 'twice@n=2' ../report
}

@test "instances that nobody asked for are counted as pending" {
	pipeline
	sed -i '2a default = ["sum", "twice@n=4"]' pawl.toml
	ends 0
	ran copy1 copy2 copy4 twice1 twice2 twice4 sum
	echo two >src/2
	whole
	ends 0
	noted
	ran copy2 twice2 sum
	(cd ../whole && "$PAWL" run)
	same_record
	stands '7 instances'
}

@test "--progress json has the numbers of the whole plan" {
	pipeline
	ends 0
	echo three >src/3
	whole
	ends 0 --progress json
	noted
	printf '%s\n' "$output" | grep -o '"number":[0-9]*,"instance":"[^"]*"' | sort -u >../numbers
	(cd ../whole && "$PAWL" run --progress json) 2>&1 |
		grep -o '"number":[0-9]*,"instance":"[^"]*"' | sort -u >../numbers.whole
	[ -s ../numbers ]
	diff ../numbers.whole ../numbers
}

@test "a touched source without a change is decided once, and no run is recorded" {
	pipeline
	ends 0
	touch src/2
	ends 0
	noted
	ran
	says "everything is up to date (9 instances, 1 skipped)"
	stands '9 instances, 1 skipped'
	[ "$(find .pawl/runs -mindepth 1 -maxdepth 1 | wc -l)" -eq 1 ]
}

@test "a failing stage is tried again until it is repaired" {
	manifest <<-'END'
		[stage.check]
		matrix = { n = [1, 2, 3] }
		run = "echo check{{n}} >>../ran; ! grep bad {{inputs}}; cp {{inputs}} ok/{{n}}; grep -q . ok/{{n}}; if grep -q bad {{inputs}}; then exit 3; fi"
		inputs = ["src/{{n}}"]
		outputs = ["ok/{{n}}"]
		[stage.use]
		matrix = { n = [1, 2, 3] }
		run = "echo use{{n}} >>../ran; cat {{inputs}} > use/{{n}}"
		inputs = ["ok/{{n}}"]
		outputs = ["use/{{n}}"]
	END
	mkdir src
	for n in 1 2 3; do echo "$n" >src/$n; done
	ends 0
	echo bad >src/2
	whole
	ends 1 -k
	noted
	ran check2
	(cd ../whole && not "$PAWL" run -k)
	same_record
	ends 1 -k
	ran check2
	echo good >src/2
	ends 0
	ran check2 use2
	has use/2 good
	stands '6 instances'
	# what was before comes from the store
	echo bad >src/3
	ends 1 -k
	echo 3 >src/3
	ends 0
	ran
	has use/3 3
	stands '6 instances'
}

@test "an output that is asked for again comes from the store, and its sources still count" {
	manifest <<-'END'
		default = ["cc", "other"]
		[stage.gen]
		run = "echo gen >>../ran; cat g.in > g.h"
		inputs = ["g.in"]
		outputs = ["g.h"]
		[stage.cc]
		run = "echo cc >>../ran; cat main.c g.h > main.o; echo main.o: $(cat deps) > main.d"
		inputs = ["main.c", "g.h", "deps"]
		outputs = ["main.o"]
		depfile = "main.d"
		[stage.other]
		run = "echo other >>../ran; cat o > o.out"
		inputs = ["o"]
		outputs = ["o.out"]
	END
	sed -i '/^default/d; 2a default = ["cc", "other"]' pawl.toml
	echo g >g.in
	echo m >main.c
	echo o >o
	echo n >new.h
	echo main.c g.h >deps
	ends 0
	# what it rests on grows, so that the state is written anew
	echo main.c g.h new.h >deps
	rm g.h
	ends 0
	ran cc
	says "restored  gen"
	stands '3 instances'
	echo g2 >g.in
	ends 0
	ran gen cc
	has main.o "$(printf 'm\ng2')"
	stands '3 instances'
}

@test "temporary outputs that may be asked for are made by the whole plan" {
	manifest <<-'END'
		[stage.part]
		matrix = { n = [1, 2, 3] }
		run = "echo part{{n}} >>../ran; cat {{inputs}} > part/{{n}}"
		inputs = ["src/{{n}}"]
		outputs = [{ path = "part/{{n}}", temp = true }]
		[stage.sum]
		run = "echo sum >>../ran; cat {{inputs}} > sum"
		inputs = ["part/*"]
		outputs = ["sum"]
		[stage.other]
		run = "echo other >>../ran; cat src/1 > other"
		inputs = ["src/1"]
		outputs = ["other"]
	END
	mkdir src
	for n in 1 2 3; do echo "$n" >src/$n; done
	ends 0
	# only when part 3 is there is it known that the sum is another, and asks for all parts
	echo three >src/3
	ends 0
	ran part1 part2 part3 sum
	has sum "$(printf '1\n2\nthree')"
	stands '5 instances'
}

# The object with the bytes of a file.
object_of() {
	digest=$(sha256sum "$1")
	digest=${digest%% *}
	printf '.pawl/objects/%s/%s' "${digest%"${digest#??}"}" "${digest#??}"
}

@test "an output that lies nowhere any more is made by the whole plan, a damaged one by the next run" {
	manifest <<-'END'
		[stage.gen]
		run = "echo gen >>../ran; cat g.in > g.h"
		inputs = ["g.in"]
		outputs = ["g.h"]
		[stage.pre]
		run = "echo pre >>../ran; cat main.c > main.i"
		inputs = ["main.c"]
		outputs = ["main.i"]
		[stage.cc]
		run = "echo cc >>../ran; cat main.i g.h > main.o"
		inputs = ["main.i", "g.h"]
		outputs = ["main.o"]
		[stage.other]
		run = "echo other >>../ran; cat o > o.out"
		inputs = ["o"]
		outputs = ["o.out"]
	END
	sed -i '2a default = ["cc", "other"]' pawl.toml
	echo g >g.in
	echo m >main.c
	echo o >o
	ends 0
	# that cc asks for g.h shows when main.i is there
	echo m2 >main.c
	rm -f g.h "$(object_of g.in)"
	ends 0
	ran gen pre cc
	has main.o "$(printf 'm2\ng')"
	stands '4 instances'
	echo m3 >main.c
	rm g.h
	chmod u+w "$(object_of g.in)"
	echo damaged >"$(object_of g.in)"
	ends 11
	ran pre
	says "stopping  'g.h' was changed or removed while the run went on, and is not in the store"
	ends 0
	ran gen cc
	has main.o "$(printf 'm3\ng')"
	stands '4 instances'
}

@test "a generated header that a depfile names counts, and one of a stranger is refused" {
	manifest <<-'END'
		[stage.gen]
		matrix = { n = [1, 2] }
		run = "echo gen{{n}} >>../ran; cat g{{n}}.in > g{{n}}.h"
		inputs = ["g{{n}}.in"]
		outputs = ["g{{n}}.h"]
		[stage.cc]
		run = "echo cc >>../ran; cat main.c $(cat deps) > main.o; echo main.o: main.c $(cat deps) > main.d"
		inputs = ["main.c", "deps"]
		needs = ["gen@n=1"]
		outputs = ["main.o"]
		depfile = "main.d"
		[stage.other]
		run = "echo other >>../ran; cat o > o.out"
		inputs = ["o"]
		outputs = ["o.out"]
	END
	echo 1 >g1.in
	echo 2 >g2.in
	echo m >main.c
	echo o >o
	echo g1.h >deps
	ends 0
	echo m2 >main.c
	ends 0
	noted
	ran cc
	has main.o "$(printf 'm2\n1')"
	echo one >g1.in
	ends 0
	noted
	ran gen1 cc
	has main.o "$(printf 'm2\none')"
	stands '4 instances'
	echo g1.h g2.h >deps
	ends 1
	ran cc
	says "depfile names 'g2.h', which stage 'gen@n=2' makes"
	echo g1.h >deps
	ends 0
	stands '4 instances'
}

@test "a file that was made once and is a source now may stand in a depfile" {
	manifest <<-'END'
		[stage.gen]
		run = "cat g.in > g.h"
		inputs = ["g.in"]
		outputs = ["g.h"]
		[stage.cc]
		run = "echo cc >>../ran; cat main.c g.h > main.o; echo main.o: main.c g.h > main.d"
		inputs = ["main.c"]
		needs = ["gen"]
		outputs = ["main.o"]
		depfile = "main.d"
		[stage.other]
		run = "echo other >>../ran; cat o > o.out"
		inputs = ["o"]
		outputs = ["o.out"]
	END
	echo g >g.in
	echo m >main.c
	echo o >o
	ends 0
	sed -i '/^\[stage.gen\]/,/^outputs/d; /^needs/d' pawl.toml
	echo mine >g.h
	ends 0
	ran cc
	echo m2 >main.c
	ends 0
	noted
	ran cc
	has main.o "$(printf 'm2\nmine')"
	stands '2 instances'
}

@test "a source that changes while a slice runs leaves nobody as he was" {
	manifest <<-'END'
		[stage.n]
		run = "echo n >>../ran; cat x > n"
		inputs = ["x"]
		outputs = ["n"]
		[stage.first]
		run = "echo first >>../ran; cat a > first; if [ -e ../poke ]; then echo new > x; fi"
		inputs = ["a"]
		outputs = ["first"]
		[stage.second]
		run = "echo second >>../ran; cat first x > second"
		inputs = ["first", "x"]
		outputs = ["second"]
	END
	echo a >a
	echo x >x
	ends 0
	touch ../poke
	echo b >a
	ends 0
	ran first second
	has second "$(printf 'b\nnew')"
	rm ../poke
	ends 0
	ran n
	has n new
	stands '3 instances'
}

@test "a stage whose table stands in several places, others between" {
	manifest <<-'END'
		[stage.a]
		run = "echo a{{n}} >>../ran; cat {{inputs}} > a/{{n}}"
		inputs = ["src/{{n}}"]
		outputs = ["a/{{n}}"]
		[stage.b]
		run = "echo b{{k}} >>../ran; cat {{inputs}} > b/{{k}}"
		inputs = ["a/{{k}}"]
		outputs = ["b/{{k}}"]
		[stage.c]
		run = "echo c >>../ran; cat {{inputs}} > c"
		inputs = ["src/3"]
		outputs = ["c"]
		[stage.a.matrix]
		n = [1, 2]
		[pool.unused]
		slots = 2
		[stage.b.matrix]
		k = [1, 2]
	END
	mkdir src
	for n in 1 2 3; do echo "$n" >src/$n; done
	ends 0
	ran a1 a2 b1 b2 c
	echo one >src/1
	ends 0
	noted
	ran a1 b1
	echo three >src/3
	ends 0
	noted
	ran c
	stands '5 instances'
}

@test "a run that was killed is gone on with by the whole plan" {
	pipeline
	sed -i 's/cat {{inputs}} {{inputs}} >/if [ -e ..\/kill ]; then rm ..\/kill; kill -9 $PPID; fi; &/' pawl.toml
	ends 0
	echo two >src/2
	touch ../kill
	ends 137
	ends 0
	says "was interrupted"
	has sum "$(printf '1\n1\ntwo\ntwo')"
	stands '9 instances, 1 skipped'
}
