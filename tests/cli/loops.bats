#!/usr/bin/env bats
# Loops: each year starts from the state with which the one before ended.

load run

# Two regions, four years.
loop() {
	manifest <<-'END'
		[params]
		start_year = 2026
		end_year = 2029
		[stage.simulate]
		matrix = { region = ["north", "south"], year = { from = "{{start_year}}", to = "{{end_year}}" } }
		inputs = { before = "state/{{region}}-{{year - 1}}" }
		outputs = { after = "state/{{region}}-{{year}}" }
		run = "echo {{region}}-{{year}} >>../ran; sh ../during {{region}}-{{year}} $PPID; { cat {{inputs.before}}; echo {{year}}; } > {{outputs.after}}"
		[stage.total]
		inputs = ["state/*-{{end_year}}"]
		run = "echo total >>../ran; cat {{inputs}}"
		stdout = "total"
	END
	: >../during
	mkdir state
	echo n >state/north-2025
	echo s >state/south-2025
}

# The file of the store that has the bytes of this file.
object() { # $1 file
	sum=$(sha256sum "$1" | cut -c 1-64)
	find .pawl/objects .pawl/fresh -type f \( -path "*/${sum:0:2}/${sum:2}" -o -name "$sum" \)
}

# Writes other bytes over the store's copy of a file, and behind the file itself.
damage_both() { # $1 file
	stored=$(object "$1")
	[ -n "$stored" ]
	chmod u+w "$stored"
	echo damaged >"$stored"
	echo damaged >>"$1"
}

is_right() {
	for region in north south; do
		has "state/$region-2029" "$(printf '%s\n' "${region%"${region#?}"}" 2026 2027 2028 2029)"
	done
}

@test "each year waits for the one before, the first starts from the user's file" {
	loop
	ends 0
	ran north-2026 north-2027 north-2028 north-2029 south-2026 south-2027 south-2028 south-2029 total
	[ "$(grep north ../ran | paste -sd ' ' -)" = "north-2026 north-2027 north-2028 north-2029" ]
	is_right
	ends 0
	ran ""
	# Another start for one region: its years, and the others not.
	echo N >state/north-2025
	ends 0
	ran north-2026 north-2027 north-2028 north-2029 total
	echo n >state/north-2025
	ends 0
	ran ""
	is_right
}

@test "more years run alone, fewer run nothing" {
	loop
	ends 0
	ends 0 -p end_year=2031
	ran north-2030 north-2031 south-2030 south-2031 total
	ends 0 -p end_year=2027
	ran total
	ends 0
	ran ""
	ends 0 -p start_year=2027
	ran ""
}

@test "--from forces from a year on, not what is before" {
	loop
	ends 0
	ends 0 --from simulate@year=2028
	ran north-2028 north-2029 south-2028 south-2029 total
	ends 0 --from simulate@region=north,year=2028
	ran north-2028 north-2029 total
}

@test "--from with a selection: patterns, targets, names that are not there" {
	loop
	ends 0
	ends 0 --from 'simulate@region=s*,year=2028'
	ran south-2028 south-2029 total
	ends 0 --from simulate@year=2028 simulate@region=south
	ran south-2028 south-2029
	ends 0 --from simulate
	ran north-2026 north-2027 north-2028 north-2029 south-2026 south-2027 south-2028 south-2029 total
	ends 2 --from simulate@year=2040
	says "no instance matches 'simulate@year=2040'"
	ends 2 --from simulate@month=1
	ends 2 --from simulat@year=2027
	says "did you mean 'simulate'"
	run "$PAWL" run -n --from simulate@region=south,year=2028
	says "run      simulate@region=south,year=2028: forced"
	says "2 may run, 6 up to date"
	is_right
}

@test "--from, killed on the way, goes on where it was" {
	loop
	ends 0
	cat >../during <<-'END'
		[ "$1" != north-2028 ] || ! mkdir ../once 2>/dev/null || { kill -9 "$2"; exit 1; }
	END
	ends 137 -j1 --from simulate@region=north,year=2027
	ran north-2027 north-2028
	ends 0 -j1 --from simulate@region=north,year=2027
	ran north-2028 north-2029 total
	is_right
	ends 0
	ran ""
}

@test "a state that was changed by hand is restored before the next year starts" {
	loop
	ends 0
	for hurt in 'echo more >>state/north-2026' 'rm state/north-2026' ': >state/north-2026'; do
		eval "$hurt"
		ends 0 --from simulate@region=north,year=2027
		ran north-2027 north-2028 north-2029 total
		says "restored  simulate@region=north,year=2026"
		is_right
	done
	# What lay there is kept.
	[ "$(find .pawl/kept -type f | wc -l)" -eq 2 ]
	# The same bytes with another time are no damage.
	touch state/north-2027
	ends 0 --from simulate@region=north,year=2028
	ran north-2028 north-2029 total
	not says restored
}

@test "a state whose object is damaged, too, is made again by its own year" {
	loop
	ends 0
	damage_both state/south-2026
	ends 0 -p end_year=2030
	ran south-2026 north-2030 south-2030 total
	says "is damaged: its bytes have another digest"
	is_right
	has state/south-2030 "$(printf '%s\n' s 2026 2027 2028 2029 2030)"
	run "$PAWL" verify
	[ "$status" -eq 0 ]
	# And all the states that lead there, if these are damaged as well.
	damage_both state/north-2026
	damage_both state/north-2027
	damage_both state/north-2028
	ends 0 --force=simulate@region=north,year=2029 simulate@region=north,year=2029
	ran north-2026 north-2027 north-2028 north-2029
	is_right
}

@test "damage between two years of one run: the second never starts from it" {
	manifest <<-'END'
		[params]
		damage = "none"
		[stage.first]
		inputs = ["state/2025"]
		run = "echo first >>../ran; cat state/2025; echo 2026"
		stdout = "state/2026"
		[stage.meddle]
		needs = ["first"]
		run = "sh ../meddle {{damage}}"
		[stage.second]
		needs = ["meddle"]
		inputs = ["state/2026"]
		run = "echo second >>../ran; cat state/2026; echo 2027"
		stdout = "state/2027"
	END
	cat >../meddle <<-'END'
		case $1 in
		change) echo more >>state/2026 ;;
		remove) rm state/2026 ;;
		both)
			echo more >>state/2026
			for file in $(find .pawl/fresh .pawl/objects -type f -size -2); do
				! grep -qx 2026 "$file" || { chmod u+w "$file"; echo damaged >"$file"; }
			done
			;;
		esac
	END
	mkdir state
	for damage in change remove both; do
		rm -rf .pawl state
		mkdir state
		echo start >state/2025
		ends 0 -p "damage=$damage"
		if [ "$damage" = both ]; then
			ran first first second
			says "is damaged: its bytes have another digest"
		else
			ran first second
			says "restored  first"
		fi
		has state/2026 "$(printf 'start\n2026')"
		has state/2027 "$(printf 'start\n2026\n2027')"
	done
}

@test "a year before the first that is missing, or left out, is told with its place" {
	loop
	rm state/north-2025
	ends 3
	says "pawl.toml:8:21: error: input 'state/north-2025' of 'simulate@region=north,year=2026' does not exist and no stage makes it"
	# The year after it is no answer, the start of the other region may be one.
	says "did you mean 'state/south-2025'"
	echo n >state/north-2025
	sed -i 's/^\(matrix = .*\) }$/\1, exclude = [{ year = 2027, region = "south" }] }/' pawl.toml
	ends 3
	says "input 'state/south-2027' of 'simulate@region=south,year=2028' does not exist"
	[ "$(grep -c "error: " <<<"$output")" -eq 1 ]
	# A region whose last years are left out is no mistake.
	sed -i 's/year = 2027, region/year = [2028, 2029], region/' pawl.toml
	ends 0
	ran north-2026 north-2027 north-2028 north-2029 south-2026 south-2027 total
	# A slip of the pen still gets its answer.
	sed -i 's|before = "state/|before = "stat/|' pawl.toml
	ends 3
	says "did you mean 'state/"
}

@test "a thousand years in ten regions" {
	! grep -aqE '__asan_init|__tsan_init|\.gcda' "$PAWL" || skip "an instrumented build"
	manifest <<-'END'
		[params]
		end_year = 3025
		[stage.simulate]
		matrix = { region = { from = 1, to = 10 }, year = { from = 2026, to = "{{end_year}}" } }
		inputs = { before = "state/{{region}}-{{year - 1}}" }
		outputs = ["state/{{region}}-{{year}}"]
		run = "cp {{inputs.before}} {{outputs}}"
	END
	mkdir state
	for region in 1 2 3 4 5 6 7 8 9 10; do echo "$region" >"state/$region-2025"; done
	"$PAWL" run -q
	[ "$(cat state/*-3025 | sort -n | paste -sd ' ' -)" = "1 2 3 4 5 6 7 8 9 10" ]
	stands "10000 instances"
	# In the middle of a chain: one comes back, and none behind it runs.
	echo damaged >state/3-2500
	ends 0
	says "10000 of 10000 up to date: 1 restored, 9999 were up to date"
	has state/3-2500 3
	ends 0 -p end_year=3026
	says "10 ran, 10000 were up to date"
	ends 0 --from simulate@year=3000
	says "260 ran, 9740 were up to date"
}

@test "a state that changes while the next year reads it: that year runs once more, from what is right" {
	loop
	ends 0
	cat >../during <<-'END'
		[ "$1" != north-2027 ] || ! mkdir ../once 2>/dev/null || echo more >>state/north-2026
	END
	ends 0 --from simulate@region=north,year=2027
	ran north-2027 north-2027 north-2028 north-2029 total
	is_right
}
