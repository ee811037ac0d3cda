#!/usr/bin/perl
# An HTTP/2 client on Debian's libprotocol-http2-perl: COUNT requests for the paths in turn, STREAMS of
# them at once, on one connection. A path that begins with POST: sends a body. With --upgrade
# it begins as HTTP/1.1. Prints a line for each status: "STATUS COUNT".
#
#     http2_client.pl [--upgrade] ADDRESS:PORT COUNT STREAMS PATH...
use strict;
use warnings;
use IO::Socket::INET;
use Protocol::HTTP2::Client;

my $upgrade = $ARGV[0] eq '--upgrade' && shift;
my ($address, $count, $streams, @paths) = @ARGV;
my $socket = IO::Socket::INET->new(PeerAddr => $address) or die "$address: $!\n";
my (%statuses, $asked, $open);
my $client = Protocol::HTTP2::Client->new(
    keepalive => 1, upgrade => $upgrade ? 1 : 0,
    on_error => sub { die "connection error $_[0]\n" });

sub ask {
    my ($number) = @_;
    my ($post, $path) = $paths[$number % @paths] =~ /^(POST:)?(.*)/;
    $open++;
    $client->request(
        ':scheme' => 'http', ':authority' => $address, ':path' => $path,
        ':method' => $post ? 'POST' : 'GET',
        headers => ['user-agent' => 'perl', 'x-number' => $number, 'x-kept' => 'kept'],
        $post ? (data => 'p' x 3000) : (),
        on_error => sub { $open--; $statuses{reset}++ },
        on_done => sub {
            my %fields = @{ $_[0] };
            $open--;
            $statuses{ $fields{':status'} }++;
        });
}

sub wait_for_all {
    while ($open) {
        while (my $frame = $client->next_frame) {
            $socket->send($frame);
        }
        last unless $open;
        $socket->sysread(my $data, 65536) or die "closed with $open requests open\n";
        $client->feed($data);
    }
}

for ($asked = 0; $asked < $count;) {
    my $round = $upgrade && !$asked ? 1 : $streams;    # the first one is HTTP/1.1
    ask($asked++) while $round-- && $asked < $count;
    wait_for_all();
}
print map { "$_ $statuses{$_}\n" } sort keys %statuses;
