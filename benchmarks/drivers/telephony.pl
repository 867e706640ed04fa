# Telephony::Asterisk::AMI, Debian's libtelephony-asterisk-ami-perl: calls that wait for their reply.
#
# It has no callback outside of a call, so events are read one after the other, as its documentation says.

use strict;
use warnings;

use JSON::PP qw(decode_json encode_json);
use Telephony::Asterisk::AMI ();
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC CLOCK_PROCESS_CPUTIME_ID);
use Compress::Zlib qw(crc32);

my $job = decode_json($ARGV[0]);
my ($size, $repeat, $sample_of) = ($job->{size}, $job->{repeat}, 61);
my $ami = Telephony::Asterisk::AMI->new(
    Host => $job->{host}, Port => $job->{port}, Username => $size, Secret => 'none');
$ami->connect or die $ami->error;

my %checks;
my ($cpu, $wall);

sub start { ($cpu, $wall) = (clock_gettime(CLOCK_PROCESS_CPUTIME_ID), clock_gettime(CLOCK_MONOTONIC)) }
sub stop {
    $cpu = clock_gettime(CLOCK_PROCESS_CPUTIME_ID) - $cpu;
    $wall = clock_gettime(CLOCK_MONOTONIC) - $wall;
}
sub digest { [scalar @_, crc32(join "\n", @_)] }

# Hand each event to a function, until the last has come.
sub replay {
    my $observe = shift;
    start();
    $ami->action(Action => 'UserEvent', UserEvent => 'Replay');
    while (1) {
        my $event = $ami->read_response;
        $observe->($event);
        last if $event->{Event} eq 'UserEvent';
    }
    stop();
}

my %works = (
    hangup => sub {
        my @hangups;
        replay(sub { push @hangups, $_[0]{Uniqueid} if $_[0]{Event} eq 'Hangup' });
        $checks{hangups} = digest(@hangups);
    },
    all => sub {
        my (@names, @uniqueids);
        replay(sub { push @names, $_[0]{Event}; push @uniqueids, $_[0]{Uniqueid} // '' });
        @checks{qw(names uniqueids)} = (digest(@names), digest(@uniqueids));
    },
    headers => sub {
        my ($events, $headers, @kept) = (0, 0);
        replay(sub {
            my $event = shift;
            $headers += keys %$event;
            return if ++$events % $sample_of;
            push @kept, lc $_, $event->{$_} =~ s/^\s+|\s+$//gr for sort { lc $a cmp lc $b } keys %$event;
        });
        @checks{qw(events headers sample)} = ($events, $headers, digest(@kept));
    },
    pipelined => sub {
        start();
        $ami->send_action(Action => 'Ping') for 1 .. $size;
        my @answers = map { $ami->read_response } 1 .. $size;
        stop();
        $checks{pongs} = digest(map { $_->{Timestamp} } @answers);
    },
    sequential => sub {
        start();
        my @answers = map { $ami->action(Action => 'Ping') } 1 .. $size;
        stop();
        $checks{pongs} = digest(map { $_->{Timestamp} } @answers);
    },
    list => sub {
        my @channels;
        start();
        for (1 .. $repeat) {
            my $response = $ami->action(Action => 'CoreShowChannels');
            # The first item of a list has the ActionID as well, but it is no reply.
            until (($response->{EventList} // '') eq 'Complete') {
                push @channels, $response->{Channel} if exists $response->{Channel};
                $response = $ami->read_response;
            }
        }
        stop();
        $checks{items} = digest(@channels);
    },
    command => sub {
        my @lines;
        start();
        push @lines, @{ $ami->action(Action => 'Command', Command => 'core show everything')->{Output} } for 1 .. $repeat;
        stop();
        $checks{lines} = digest(@lines);
    },
);

$works{ $job->{work} }->();
print encode_json({ cpu => $cpu, wall => $wall, checks => \%checks }), "\n";
$ami->disconnect;
