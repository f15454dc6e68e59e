#!/usr/bin/env bats
# tools/run-tests: counts honestly.

setup() {
    tool=$PWD/tools/run-tests
    cd "$BATS_TEST_TMPDIR"
}

# `run_jobs LINE…`: runs these jobs; $last is the last line printed.
run_jobs() {
    printf '%s\n' "$@" >jobs
    run "$tool" -j 2 jobs
    last=${lines[${#lines[@]} - 1]}
}

@test "good tests are counted one by one" {
    run_jobs 'tap a printf "1..2\nok 1 x\nok 2 y\n"' 'cmd b true'
    [ "$status" -eq 0 ]
    [ "$last" = "3 passed, 0 failed" ]
}

@test "a failed test is counted and its output shown" {
    run_jobs 'tap a printf "1..2\nok 1 x\nnot ok 2 y\n# because\n"'
    [ "$status" -eq 1 ]
    [ "$last" = "1 passed, 1 failed" ]
    [[ "$output" == *"# because"* ]]
}

@test "tests that a plan promised and that never came have failed" {
    run_jobs 'tap a printf "1..5\nok 1 x\n"; kill -SEGV $$'
    [ "$status" -eq 1 ]
    [ "$last" = "1 passed, 4 failed" ]
}

@test "a bad status fails though each test was good" {
    run_jobs 'tap a printf "1..1\nok 1 x\n"; exit 99'
    [ "$last" = "1 passed, 1 failed" ]
}

@test "no plan is a failure" {
    run_jobs 'tap a true'
    [ "$last" = "0 passed, 1 failed" ]
}

@test "a command that is not there is a failure" {
    run_jobs 'tap a ./no-such-program'
    [ "$last" = "0 passed, 1 failed" ]
}

@test "a job that takes too long is killed and has failed" {
    export TEST_SECONDS=1
    run_jobs 'cmd a sleep 60'
    [ "$status" -eq 1 ]
    [ "$last" = "0 passed, 1 failed" ]
    [[ "$output" == *"too long"* ]]
}

@test "what was skipped is neither passed nor failed" {
    run_jobs 'tap a printf "1..3\nok 1 x # skip no\nnot ok 2 # SKIP y\nok 3 z\n"'
    [ "$status" -eq 0 ]
    [ "$last" = "1 passed, 0 failed" ]
    [[ "$output" == *"2 skipped"* ]]
}

@test "a failed build ends it and is a failure" {
    run_jobs 'cmd a touch ran' 'build b echo broken; false'
    [ "$status" -eq 1 ]
    [ "$last" = "0 passed, 1 failed" ]
    [[ "$output" == *"broken"* ]]
    [ ! -e ran ]
}

@test "nothing to run is no success" {
    run_jobs ''
    [ "$status" -eq 1 ]
    [ "$last" = "0 passed, 0 failed" ]
}

@test "an old result is not counted again" {
    run_jobs 'cmd a true'
    [ "$last" = "1 passed, 0 failed" ]
    run_jobs 'cmd a kill -9 $PPID'
    [ "$status" -eq 1 ]
    [[ "$last" == "0 passed, "* ]]
}
