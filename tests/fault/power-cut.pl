#!/usr/bin/perl
# power-cut.pl SEED STEPS KIND WHAT: the new manifest is run and ends (is killed or torn) at its n-th call of
# this kind, for STEPS n; then the power fails: see PowerCut.pm. Afterwards, in another boot: no
# object is wrong, nothing that was on the disk is lost, the next run ends as if nothing had been.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use File::Copy;
use Pipeline;
use PowerCut;

my ($seed, $steps, $kind, $what) = @ARGV;
my @args = ('run', '-j1', '-k');
$seed = $ENV{POWER_SEED} // $seed;
print "# POWER_SEED=$seed\n";
srand $seed;
chomp(my $here = qx(pwd));

my $count = count_calls($kind, 'good', @args);
for my $n (spaced($count, $steps, int rand 100), $count + 1000) {
	my $mode = $n % 2 ? 'bad' : 'good';
	my $rule = "$kind:$n:$what";
	my $salt = int rand 1e9;
	srand $salt;
	put_file('boot', "11111111-1111-1111-1111-111111111111\n");
	seed($mode, { PAWL_FAULT_BOOT => "$here/boot" });
	# All of the seed is on the disk, and what somebody did to it.
	take_picture('w', 'disk');
	my $status = run_pawl(
		{
			PAWL_FAULT => $rule, PAWL_FAULT_BOOT => "$here/boot",
			PAWL_FAULT_SYNC => "$FindBin::Bin/on-disk.pl", ON_DISK => "$here/disk"
		},
		@args
	);
	die "$rule: ends with $status: " . said() if $status !~ /^(?:0|1|137)$/;
	cut_power('w', 'disk');
	put_file('boot', "22222222-2222-2222-2222-222222222222\n");
	$ENV{PAWL_FAULT_BOOT} = "$here/boot";
	eval { expect_power_safe($mode, $rule); settle($mode, "$rule, salt $salt"); 1 } or do {
		print "FAILED salt $salt, $@";
		exit 1;
	};
	delete $ENV{PAWL_FAULT_BOOT};
}
print "$kind: $count calls\n";
