#!/usr/bin/perl
# power-cut.pl SEED TIMES KIND WHAT: the new manifest is run, TIMES times, and ends (is killed or torn) at one
# of its calls of this kind, or at none; then the power fails: see PowerCut.pm. Afterwards, in another boot:
# no object is wrong, nothing that was on the disk is lost, the next run ends as if nothing had been. Where
# WHAT is an errno of a sync the status is 11, and the machine may also go on with a disk that lost bytes.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Pipeline;
use PowerCut;

my ($seed, $times, $kind, $what) = @ARGV;
my @args = ('run', '-j1', '-k');
my @modes = qw(good bad late INT TERM);
my %boot = (before => "11111111-1111-1111-1111-111111111111\n", after => "22222222-2222-2222-2222-222222222222\n");
$seed = $ENV{POWER_SEED} // $seed;
print "# POWER_SEED=$seed\n";
srand $seed;
chomp(my $here = qx(pwd));
my %count = map { $_ => count_calls($_, @args)->{$kind} // 0 } @modes;
$times = $count{good} * @modes if $ENV{FAULT_LONG};

sub fail_after {
	my ($mode, $rule, $salt) = @_;
	my %env = (PAWL_FAULT_BOOT => "$here/boot");
	my %disk = (PAWL_FAULT_SYNC => "$FindBin::Bin/on-disk.pl", ON_DISK => "$here/disk");
	srand $salt;
	put_file('boot', $boot{before});
	seed($mode, \%env);
	# All of the seed is on the disk, and what somebody did to it.
	take_picture('w', 'disk');
	my $goes_on = $what =~ /^E/ && rand() < 0.5;
	%disk = (%disk, LOSE_WRITES => $salt) if $goes_on;
	my $status = run_pawl({ %env, %disk, PAWL_FAULT => $rule }, @args);
	problem("$rule: the status is $status") unless is_right_end($status, $mode, $rule);
	if (!$goes_on) {
		cut_power('w', 'disk');
		put_file('boot', $boot{after});
	}
	local $ENV{PAWL_FAULT_BOOT} = "$here/boot";
	expect_power_safe($mode, $rule);
	settle($mode, "$rule, salt $salt");
}

for my $i (1 .. $times) {
	my $mode = $modes[$i % @modes];
	# With an errno each of them fires.
	my $most = $count{$mode} + ($what =~ /^E/ ? 0 : 1);
	my $n = 1 + int(($i - rand) / $times * $most);
	my $salt = int rand 1e9;
	eval { fail_after($mode, "$kind:$n:$what", $salt); 1 } and next;
	print "FAILED $mode, salt $salt, $@";
	exit 1;
}
print "$kind: $count{good} calls\n";
