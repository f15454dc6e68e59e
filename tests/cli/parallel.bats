#!/usr/bin/env bats
# How many run at once. What the limit does under which load is simulated in tests/unit/run/adapt.c:
# here nothing depends on what else the machine does.

load run

# Stages that wait for each other: each ends only when all of them have started.
together() {
	for i in $(seq "$1"); do
		printf '[stage.s%s]\n' "$i"
		printf 'run = """touch ../here.%s; until [ "$(ls ../here.* | wc -l)" = %s ]; do sleep 0.02; done"""\n' \
			"$i" "$1"
		printf 'timeout = "60s"\n'
	done | manifest
}

@test "-j N is how many run at once, and stays" {
	together 9
	ends 0 -j9
	not events limit.changed
	[ "$(events run.started | jq .limit)" = 9 ]
}

@test "-j auto begins with the processors, as without -j" {
	echo '[stage.one]
	run = "true"' | manifest
	cpus=$("$PAWL" doctor --json | jq .cpus)
	ends 0 -j auto
	[ "$(events run.started | jq .limit)" = "$cpus" ]
	ends 0
	[ "$(events run.started | jq .limit)" = "$cpus" ]
}

@test "every change of the limit is an event with its reason, and a line with -v" {
	for i in $(seq 40); do
		printf '[stage.s%s]\nrun = "sleep 0.1"\n' "$i"
	done | manifest
	cpus=$("$PAWL" doctor --json | jq .cpus)
	ends 0 -v
	events limit.changed >changes || true
	[ "$(grep -c '^limit  ' <<<"$output" || true)" = "$(grep -c . changes || true)" ]
	# shellcheck disable=SC2016 # jq's variables
	jq -se --argjson cpus "$cpus" '
		reduce .[] as $c ({limit: $cpus, good: true};
			{limit: $c.limit,
			 good: (.good and $c.limit_before == .limit and $c.limit >= 1 and
				$c.limit <= $cpus * 4 and $c.limit >= .limit - 1 and ($c.reason | length) > 0)})
		| .good' changes
	"$PAWL" events latest >/dev/null
}

@test "two that declare more than half of the memory are never at once" {
	half=$("$PAWL" doctor --json | jq '.memory_bytes / 2 | floor')
	for i in 1 2 3 4; do
		printf '[stage.s%s]\nmemory = "%sB"\n' "$i" "$half"
		printf 'run = "mkdir ../alone && sleep 0.1 && rmdir ../alone"\n'
	done | manifest
	ends 0
	ends 0 --force -j4
}

@test "cpu = \"all\" is alone and gets the processors, however many slots there are" {
	{
		for i in $(seq 20); do
			printf '[stage.s%s]\nrun = "sleep 0.1"\n' "$i"
		done
		printf '[stage.all]\ncpu = "all"\nrun = "echo $PAWL_CPUS >all.txt"\noutputs = ["all.txt"]\npriority = -1\n'
	} | manifest
	ends 0
	cpus=$("$PAWL" doctor --json | jq .cpus)
	[ "$(cat all.txt)" -ge 1 ]
	[ "$(cat all.txt)" -le "$cpus" ]
}
