#!/bin/sh
# Three equal models of manifests/ensemble side by side: how long they take with -j 2 and by default,
# as a part of -j 1. Each is the nearest-neighbours model over the table 4 times as long: a second or
# two of computing.
#
#   ensemble.sh PAWL [ROUNDS]      in an empty folder, on two free processors; rounds are interleaved
set -eu

pawl=${1:?path of pawl}
rounds=${2:-3}
stages=$(cd "$(dirname "$0")/../../manifests/ensemble" && pwd)

cp -R "$stages/stages" "$stages/data" .
cat >pawl.toml <<'END'
[pipeline]
name = "equal-models"

[params]
round = 0

[stage.table]
inputs = { code = "stages/table.awk", penguins = "data/penguins.json" }
run    = "awk -v held_out=3 -v figures=/dev/null -f {{inputs.code}} {{inputs.penguins}}"
stdout = "table.csv"

[stage.long]
inputs = { table = "table.csv" }
run    = "awk 'NR == 1 { print; next } { for (n = 0; n < 4; n++) print }' {{inputs.table}}"
stdout = "long.csv"

[stage.model]
matrix = { which = [1, 2, 3] }
inputs = { sets = "stages/sets.awk", code = "stages/neighbours.awk", table = "long.csv" }
run    = "awk -v k=3 -v round={{round}} -v figures=/dev/null -f {{inputs.sets}} -f {{inputs.code}} {{inputs.table}}"
stdout = "model-{{which}}.csv"
END
"$pawl" run -q long

took() { # $1 jobs, $2 a number of its own
	begin=$(date +%s%N)
	"$pawl" run -q -j "$1" -p round="$2"
	echo $(($(date +%s%N) - begin))
}

round=1
while [ "$round" -le "$rounds" ]; do
	one=$(took 1 "${round}1")
	two=$(took 2 "${round}2")
	auto=$(took auto "${round}3")
	echo "$one $two $auto" | awk '{
		printf "-j 1: %.2f s   -j 2: %.2f s, %.2f of it   -j auto: %.2f s, %.2f of it\n",
			$1 / 1e9, $2 / 1e9, $2 / $1, $3 / 1e9, $3 / $1 }'
	round=$((round + 1))
done
