# A throw-away Request Tracker on loopback. @...@ are filled in by server.py.
Set($rtname, 'rt.test');
Set($Organization, 'rt.test');
Set($Timezone, 'UTC');
Set($DatabaseType, 'SQLite');
Set($DatabaseName, '@FOLDER@/rt.sqlite');
Set($DatabaseUser, '');
Set($DatabasePassword, '');
Set($WebDomain, '127.0.0.1');
Set($WebPort, @PORT@);
Set($WebBaseURL, 'http://127.0.0.1:@PORT@');
Set($WebURL, 'http://127.0.0.1:@PORT@/');
Set($BcryptCost, 4);            # the usual 12 costs more than half a second a request
Set($MailCommand, 'testfile');  # no mail leaves
Set($LogToSyslog, undef);
Set($LogToFile, undef);
Set($LogToSTDERR, 'warning');

# Four business hours for an answer, sixteen to resolve, without the time spent stalled; gold by the wall clock.
my $without_stalled = { IgnoreOnStatuses => ['stalled'], ExcludeTimeOnIgnoredStatuses => 1 };
Set(%ServiceAgreements, (
    Default => 'standard',
    Levels  => {
        standard => {
            BusinessHours => 'Office',
            Response      => { BusinessMinutes => 240, %$without_stalled },
            Resolve       => { BusinessMinutes => 960, %$without_stalled },
        },
        gold => {
            StartImmediately => 1,
            Response         => { RealMinutes => 60 },
            Resolve          => { RealMinutes => 480 },
        },
    },
));
Set(%ServiceBusinessHours, (
    Office => {
        (map { $_ => { Name => $_, Start => '09:00', End => '17:00' } } 1 .. 5),
        holidays => ['01-06', '2026-01-20'],
    },
));
1;
