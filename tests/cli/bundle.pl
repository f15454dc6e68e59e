#!/usr/bin/perl
# Writes a bundle to the standard output: `bundle.pl KIND [COUNT]`, good, or wrong in one way.
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);

my ($kind, $count) = @ARGV;
my $run = '20260102T030405Z-0001';

sub header {
    my ($name, $size, %is) = @_;
    my $block = pack(
        'a100 a8 a8 a8 a12 a12 a8 a1 a100 a8 a32 a32 a8 a8 a155 x12',
        $name,           '0000444', '0000000', '0000000',
        $is{size} // sprintf('%011o', $size),
        '00000000000',   ' ' x 8, $is{type} // '0', $is{link} // '',
        "ustar\x0000",   '', '', '0000000', '0000000', $is{prefix} // '');
    my $sum = unpack('%32C*', $block) + ($is{off} // 0);
    substr($block, 148, 8) = sprintf("%06o\0 ", $sum);
    return $block;
}

sub member {
    my ($name, $data, %is) = @_;
    return header($name, length $data, %is) . $data . "\0" x (-length($data) % 512);
}

sub object {
    my ($data) = @_;
    my $hex = sha256_hex($data);
    return ['objects/' . substr($hex, 0, 2) . '/' . substr($hex, 2), $data];
}

sub str { return pack('V/a*', $_[0]) }

# A result as result_codec.c has it, with one output.
sub result {
    my ($path, $data, $flags) = @_;
    my $payload = join '', map { pack('a32', $_) } 'key', 'key', 'elsewhere', 'machine';
    $payload .= pack('Q< V', 0, $flags // 0);
    $payload .= str('s') . str('s') . str($run) . str('a');
    $payload .= pack('q<2 Q<4', 1, 2, 3, 4, 5, 6);
    $payload .= pack('V', 1) . str('') . str($path) . pack('C C', 0, 2);
    $payload .= pack('H64 Q<', sha256_hex($data), length $data);
    $payload .= pack('V3', 0, 0, 0);
    return ['results/' . sha256_hex($payload), $payload];
}

sub list {
    my @members = @_;
    return join '', map { sha256_hex($_->[1]) . "  $_->[0]\n" } @members;
}

# `list` stands for the manifest behind its first line, `first` is that.
sub bundle {
    my ($members, %is) = @_;
    my @members = sort { $a->[0] cmp $b->[0] } @$members;
    my $list = $is{list} // list(@members);
    return member('pawl-bundle', ($is{first} // "pawl bundle 1\n") . $list)
        . join('', map { member($_->[0], $_->[1]) } @members)
        . "\0" x 1024;
}

my $data = "bytes of an object\n";
my @good = (object($data), result('out', $data));
my $head = member('pawl-bundle', "pawl bundle 1\n" . list(sort { $a->[0] cmp $b->[0] } @good));
my $end = "\0" x 1024;

sub single {
    my ($name, %is) = @_;
    return $head . member($name, $data, %is) . $end;
}

# A list that names what is behind it, whatever that is.
sub listed {
    my ($name, $bytes) = @_;
    return bundle([@good, [$name, $bytes]]);
}

my $zero = '0' x 64;
my %kinds = (
    good            => sub { bundle(\@good) },
    absolute        => sub { single('/tmp/pawl-evil') },
    climbs          => sub { single('../../evil') },
    'climbs-prefix' => sub { single('evil', prefix => '../..') },
    newline         => sub { single("objects/a\nb") },
    nul             => sub { single("objects/a\0b") },
    link            => sub { single($good[0][0], type => '1', link => '/etc/passwd') },
    symlink         => sub { single($good[0][0], type => '2', link => '/etc/passwd') },
    device          => sub { single($good[0][0], type => '3') },
    fifo            => sub { single($good[0][0], type => '6') },
    folder          => sub { single('objects', type => '5') },
    sparse          => sub { single($good[0][0], type => 'S') },
    global          => sub { member('pax', "12 path=abc\n", type => 'g') . bundle(\@good) },
    checksum        => sub { single($good[0][0], off => 1) },
    negative        => sub { single($good[0][0], size => "\xff" x 12) },
    base256         => sub { single($good[0][0], size => "\x80" . "\0" x 10 . chr(19)) },
    more            => sub { single($good[0][0], size => sprintf('%011o', 5000)) },
    less            => sub { single($good[0][0], size => sprintf('%011o', 5)) },
    missing         => sub { bundle([$good[1]], list => list(@good)) },
    foreign         => sub { bundle([@good, object('another')], list => list(@good)) },
    twice           => sub { bundle([$good[0], @good]) },
    order           => sub {
        my @turned = reverse sort { $a->[0] cmp $b->[0] } @good;
        member('pawl-bundle', "pawl bundle 1\n" . list(@turned))
            . join('', map { member(@$_) } @turned) . $end;
    },
    'wrong-digest' => sub { bundle([[$good[0][0], "other" . $data], $good[1]]) },
    'wrong-object' => sub {
        bundle([[$good[0][0], uc $data], $good[1]], list => list(sort { $a->[0] cmp $b->[0] } @good));
    },
    'no-object'  => sub { bundle([$good[1]]) },
    'bad-result' => sub { listed('results/' . sha256_hex('nonsense'), 'nonsense') },
    'run-id'     => sub { listed('runs/2026/events.jsonl', $data) },
    'run-path'   => sub { listed("runs/$run/../../../evil", $data) },
    'run-no-record' => sub { listed("runs/$run/result.json", '{}') },
    'run-future'    => sub { listed('runs/22600102T030405Z-0001/events.jsonl', '') },
    'run-not-over'  => sub { listed("runs/$run/events.jsonl", '') },
    'log-path'      => sub {
        bundle([@good, ["runs/$run/events.jsonl", ''], ["runs/$run/logs/a/b", $data]]);
    },
    'outside-output' => sub { bundle([$good[0], result('../../evil', $data)]) },
    'not-a-bundle'   => sub { member('README', $data) . $end },
    'list-absolute'  => sub { bundle(\@good, list => "$zero  /etc/passwd\n") },
    'list-cut'       => sub { my $l = list(@good); chop $l; bundle(\@good, list => $l) },
    'list-long'      => sub { bundle(\@good, list => 'x' x 100_000 . "\n") },
    'lone-zero'      => sub { $head . "\0" x 512 . member(@{$good[0]}) . $end },
    later            => sub { bundle(\@good, first => "pawl bundle 2\nof another form\n") },
    # the last object is not what its name says
    many => sub {
        my @objects = map { object("object $_\n") } 1 .. $count;
        my @sorted = sort { $a->[0] cmp $b->[0] } @objects;
        my $list = list(@sorted);
        $sorted[-1][1] = 'another';
        bundle(\@sorted, list => $list);
    },
    # a list of what does not come
    list => sub {
        my $list = join '', map { sprintf("%064x  objects/%02x/%062x\n", $_, 0, $_) } 1 .. $count;
        member('pawl-bundle', "pawl bundle 1\n" . $list) . $end;
    },
    huge => sub { single($good[1][0], size => '77777777777') },
    # one object of so many KiB, and a result of it
    big => sub {
        my $bytes = join '', map { sprintf "%1023d\n", $_ } 1 .. $count;
        bundle([object($data), object($bytes), result('out', $bytes)]);
    },
);
die "bundle.pl: no kind '$kind'\n" if !$kinds{$kind};
binmode STDOUT;
print $kinds{$kind}->();
