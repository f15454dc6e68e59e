#!/bin/sh
# Makes one graph in the spelling of every tool, in the current folder:
#
#   graph.sh N       N leaves (a multiple of 100, at most 800,000)
#
# A leaf copies its own source file; a join puts a hundred leaves together; a last join puts all
# joins together. Sources are src/GROUP/NUMBER. GROUP counts from 100001 and NUMBER from 101, so
# that the order of the bytes is the order of the numbers and a glob gives what a list gives.
#
#   pawl.toml        a stage for each command, as ninja and make have a rule for each
#   matrix.toml      the same graph as three stages
#   build.ninja      for ninja and samurai
#   Makefile         for make
set -eu

leaves=${1:?number of leaves}
LC_ALL=C
export LC_ALL

awk -v groups=$((leaves / 100)) -v first_group=100001 -v first=101 '
    function leaf_stage(g, i) {
        print "[stage.leaf-" g "-" i "]" >pawl
        print "inputs = [\"src/" g "/" i "\"]" >pawl
        print "outputs = [\"leaf/" g "/" i "\"]" >pawl
        print "run = \"cp {{inputs}} {{outputs}}\"\n" >pawl
        print "build leaf/" g "/" i ": copy src/" g "/" i >ninja
        print "leaf/" g "/" i ": src/" g "/" i "\n\tcp $< $@" >make
    }

    # A rule that puts a list of files together; the list has a blank before each.
    function join_stage(name, output, list,   quoted) {
        quoted = substr(list, 2)
        gsub(" ", "\",\n    \"", quoted)
        print "[stage." name "]" >pawl
        print "inputs = [\n    \"" quoted "\",\n]" >pawl
        print "outputs = { whole = \"" output "\" }" >pawl
        print "run = \"cat {{inputs}} > {{outputs.whole}}\"\n" >pawl
        print "build " output ": join" list >ninja
        print output ":" list "\n\tcat $^ > $@" >make
    }

    function write_matrix(   groups_axis) {
        groups_axis = "group = { from = " first_group ", to = " last_group " }"
        print "[pipeline]\nname = \"matrix\"\n" >matrix
        print "[stage.leaf]" >matrix
        print "matrix = { " groups_axis ", number = { from = " first ", to = " last " } }" >matrix
        print "inputs = [\"src/{{group}}/{{number}}\"]" >matrix
        print "outputs = [\"leaf/{{group}}/{{number}}\"]" >matrix
        print "run = \"cp {{inputs}} {{outputs}}\"\n" >matrix
        print "[stage.join]" >matrix
        print "matrix = { " groups_axis " }" >matrix
        print "inputs = [\"leaf/{{group}}/*\"]" >matrix
        print "outputs = { whole = \"join/{{group}}\" }" >matrix
        print "run = \"cat {{inputs}} > {{outputs.whole}}\"\n" >matrix
        print "[stage.all]" >matrix
        print "inputs = [\"join/*\"]" >matrix
        print "outputs = { whole = \"all\" }" >matrix
        print "run = \"cat {{inputs}} > {{outputs.whole}}\"" >matrix
    }

    BEGIN {
        pawl = "pawl.toml"; matrix = "matrix.toml"; ninja = "build.ninja"; make = "Makefile"
        last_group = first_group + groups - 1
        last = first + 99
        print "[pipeline]\nname = \"bench\"\n" >pawl
        print "rule copy\n  command = cp $in $out" >ninja
        print "rule join\n  command = cat $in > $out" >ninja
        print ".SUFFIXES:\n.PHONY: default\ndefault: all" >make
        for (g = first_group; g <= last_group; g++) {
            system("mkdir -p src/" g)
            list = ""
            for (i = first; i <= last; i++) {
                source = "src/" g "/" i
                print "source " i " of group " g >source
                close(source)
                leaf_stage(g, i)
                list = list " leaf/" g "/" i
            }
            join_stage("join-" g, "join/" g, list)
            joins = joins " join/" g
        }
        join_stage("all", "all", joins)
        print "default all" >ninja
        write_matrix()
    }'
