use super::*;

#[test]
fn sources_are_read_as_they_are_written() {
    let cases = [
        ("imswitch://lab", "imswitch://lab:8001"),
        ("imswitch://lab:8000/", "imswitch://lab:8000"),
        ("imswitch://[::1]:9", "imswitch://[::1]:9"),
        ("imswitchs://lab/imswitch", "imswitchs://lab:8001/imswitch"),
        ("socketio://h:5000", "socketio://h:5000/socket.io/"),
        (
            "socketio://h/feed/sio?namespace=/admin",
            "socketio://h:80/feed/sio/?namespace=/admin",
        ),
        ("socketios://h", "socketios://h:443/socket.io/"),
        ("flamingo://lab", "flamingo://lab:53717"),
        ("flamingo://[::1]:65533/", "flamingo://[::1]:65533"),
        (
            "flamingo://lab?live_port=9&profile=older&limit=x:1..15",
            "flamingo://lab:53717",
        ),
    ];
    for (written, meant) in cases {
        let spec = SourceSpec::parse(written).unwrap();
        assert_eq!(spec.to_string(), meant, "{written}");
    }
    let spec = SourceSpec::parse("left=imswitchs://lab?tls_verify=false").unwrap();
    assert_eq!((spec.name.as_str(), spec.is_unverified()), ("left", true));
}

#[test]
fn events_to_emit_are_kept_in_their_order_and_not_shown() {
    let written = r#"socketio://h?emit=["start",{"fps":30}]&emit=["b"]"#;
    let spec = SourceSpec::parse(written).unwrap();
    let SourceKind::SocketIo { emit, .. } = &spec.kind else {
        panic!("not a Socket.IO source");
    };
    assert_eq!(emit, &[r#"["start",{"fps":30}]"#, r#"["b"]"#]);
    assert_eq!(spec.to_string(), "socketio://h:80/socket.io/");
}

#[test]
fn what_is_not_real_and_cannot_say_so_is_marked() {
    let marked = |written: &str| SourceSpec::parse(written).unwrap().is_simulated;
    assert!(marked("ws://h/feed?simulated=true"));
    assert!(marked("socketio://h?simulated=true"));
    assert!(!marked("socketio://h?simulated=false") && !marked("ws://h/feed"));
}

#[test]
fn a_wrong_source_is_told_what_to_write() {
    let cases = [
        ("ws://h/feed?simulated=yes", "write true or false"),
        (
            "imswitch://h?simulated=true",
            "say themselves what they are",
        ),
        ("lab:8001", "is not a source"),
        ("http://lab", "is not a source"),
        ("imswitch://", "names no host"),
        ("imswitch://lab?tls_verify=false", "imswitchs://"),
        ("socketio://h?engineio=5", "3 or 4"),
        ("socketio://h?speed=2", "no option \"speed\""),
        ("socketio://h?namespace=admin", "write /admin"),
        ("imswitch://h?emit=[\"a\"]", "no option \"emit\""),
        ("socketio://h?emit=[\"a\"]&emit=start", "emit, entry 2"),
        ("socketio://h?emit=[1]", "emit, entry 1"),
        ("socketio://h?emit=[]", "emit, entry 1"),
        ("socketio://h?emit={\"a\":1}", "emit, entry 1"),
        (
            "socketio://h?emit=[\"connect\"]",
            "is a reserved event name",
        ),
        (
            "socketio://h?engineio=3&transport=polling",
            "websocket only",
        ),
        ("imswitch://lab:65536", "1 to 65535"),
        ("imswitch://lab:0", "1 to 65535"),
        ("socketio://h?engineio=3&engineio=4", "twice"),
        ("imswitch://lab:8001/?tls_ca=x&tls_ca=y", "twice"),
        ("imswitch://lab?limit=X:5..1", "5 is more than 1"),
        (
            "imswitch://lab?limit=X:0..1&limit=x:0..2",
            "limits of x are there twice",
        ),
        ("imswitch://lab?limit=X", "write limit=AXIS:MIN..MAX"),
        ("socketio://h?limit=X:0..1", "no option \"limit\""),
        ("flamingo://", "names no host"),
        ("flamingo://lab:65534", "a number from 1 to 65533"),
        ("flamingo://lab:0", "a port is a number"),
        ("flamingo://lab/live", "has no path"),
        ("flamingo://lab?tls_verify=false", "knows no TLS"),
        ("flamingo://lab?live_port=53717", "other than 53717"),
        ("flamingo://lab?live_port=0", "1 to 65535"),
        ("flamingo://lab?profile=newest", "no profile \"newest\""),
        (
            "flamingo://lab?code=STAGE_HALT:none",
            "no way to stop the stage",
        ),
        ("flamingo://lab?code=STAGE_HALT", "write code=NAME:NUMBER"),
        ("flamingo://lab?code=NOTHING:5", "no command \"NOTHING\""),
        (
            "flamingo://lab?limit=W:0..1",
            "no axis \"W\"; it has x, y, z, r",
        ),
        (
            "flamingo://lab?namespace=/x",
            "there are profile, code, live_port, limit, measure and roi",
        ),
    ];
    for (written, part) in cases {
        let message = SourceSpec::parse(written).unwrap_err().to_string();
        assert!(message.contains(part), "{written}: {message}");
        let quoted = written.split('?').next().unwrap();
        assert!(message.contains(quoted), "{written}: {message}");
    }
}

#[test]
fn limits_and_codes_are_kept() {
    use crate::protocol::flamingo::Command;

    let written = "flamingo://lab?limit=X:1..15&limit=R:-720..7.2e2&live_port=9\
                   &code=CAMERA_SNAPSHOT:0x3fff&profile=older";
    let spec = SourceSpec::parse(written).unwrap();
    let limits = [("R", -720.0, 720.0), ("X", 1.0, 15.0)]
        .map(|(axis, min, max)| (axis.to_owned(), Limits { min, max }));
    assert_eq!(spec.limits, BTreeMap::from(limits));
    let SourceKind::Flamingo { profile, live_port } = &spec.kind else {
        panic!("not a Flamingo");
    };
    assert_eq!(*live_port, Some(9));
    assert_eq!(profile.code(Command::WorkflowStart), Some(4136));
    assert_eq!(profile.code(Command::Snapshot), Some(0x3fff));
}

#[test]
fn no_error_repeats_a_secret() {
    for written in [
        "imswitch://bob:hunter2@lab",
        "imswitch://hunter2@lab:8001/path",
        "http://bob:hunter2@lab",
        "imswitch://bob:hunter2@lab:99999",
        "socketio://lab?token=hunter2",
        "x=socketio://a@b:hunter2@lab/?token=hunter2#hunter2",
    ] {
        let message = SourceSpec::parse(written).unwrap_err().to_string();
        assert!(!message.contains("hunter2"), "{message}");
        assert!(message.contains("lab"), "{message}");
    }
}

#[test]
fn unnamed_sources_get_numbers_and_named_ones_must_differ() {
    let parse = |list: &[&str]| {
        name_sources(
            list.iter()
                .map(|written| SourceSpec::parse(written).unwrap())
                .collect(),
        )
    };
    let named = parse(&["imswitch://a", "imswitch://b", "x=socketio://c"]).unwrap();
    let names: Vec<&str> = named.iter().map(|spec| spec.name.as_str()).collect();
    assert_eq!(names, ["imswitch", "imswitch-2", "x"]);
    let named = parse(&["imswitch://a", "imswitch://b", "imswitch-2=imswitch://c"]).unwrap();
    let names: Vec<&str> = named.iter().map(|spec| spec.name.as_str()).collect();
    assert_eq!(names, ["imswitch", "imswitch-3", "imswitch-2"]);
    let named = parse(&["flamingo://a", "flamingo://b"]).unwrap();
    let names: Vec<&str> = named.iter().map(|spec| spec.name.as_str()).collect();
    assert_eq!(names, ["flamingo", "flamingo-2"]);
    assert!(parse(&["x=imswitch://a", "x=imswitch://b"]).is_err());
}

#[test]
fn the_books_of_a_venue_are_read_as_they_are_written() {
    let cases = [
        (
            "binance:BTCUSDT,ETHUSDT",
            "binance:BTCUSDT,ETHUSDT",
            "binance",
        ),
        ("kraken:BTC/USD?depth=25", "kraken:BTC/USD", "kraken"),
        ("b=binance:A,B,C,D,E,F", "binance:A,B,C,D and 2 more", "b"),
        (
            "kraken:BTC/USD?endpoint=ws://[::1]:9/kraken/&symbols=ETH/USD",
            "kraken:BTC/USD,ETH/USD at ws://[::1]:9/kraken",
            "kraken",
        ),
    ];
    for (written, meant, name) in cases {
        let spec = SourceSpec::parse(written).unwrap();
        assert_eq!(
            (spec.to_string().as_str(), spec.name.as_str()),
            (meant, name)
        );
    }
    let written = "kraken:BTC/USD?transport=auto&poll_ms=200&fresh_s=60&snapshot_s=10";
    let SourceKind::Market(market) = SourceSpec::parse(written).unwrap().kind else {
        panic!("not a venue");
    };
    assert_eq!(market.transport, FeedTransport::Auto);
    assert_eq!(
        (market.poll_ms, market.fresh_s, market.snapshot_s),
        (200, 60, 10)
    );
    assert_eq!(market.rest.unwrap().endpoint.host, "api.kraken.com");
}

#[test]
fn a_stream_elsewhere_takes_its_requests_along() {
    let rest = |written: &str| {
        let spec = SourceSpec::parse(written).unwrap();
        let SourceKind::Market(market) = spec.kind else {
            panic!("not a venue");
        };
        let rest = market.rest.unwrap();
        format!("{}:{}{}", rest.endpoint.host, rest.endpoint.port, rest.path)
    };
    assert_eq!(rest("binance:A?endpoint=ws://h:9/b"), "h:9/b");
    assert_eq!(
        rest("binance:A?endpoint=ws://h:9/b&rest=http://g:8/c"),
        "g:8/c"
    );
}

#[test]
fn a_wrong_venue_is_told_what_to_write() {
    let many = (0..5000).map(|n| format!("S{n}")).collect::<Vec<_>>();
    let many = format!("binance:{}", many.join(","));
    let cases = [
        ("binance:", "write binance:SYMBOL"),
        ("binance:A,A", "A is there twice"),
        ("binance:A B", "is no symbol"),
        ("binance:A?depth=0", "depth is a number"),
        ("kraken:A/B?depth=20", "10, 25, 100, 500, 1000"),
        ("binance:A?poll_ms=100", "from 200 to 5000"),
        ("binance:A?transport=udp", "ws, poll or auto"),
        ("binance:A?channel=a b", "one word"),
        ("binance:A?key_env=KEY", "wants no key"),
        ("binance:A?endpoint=http://h", "write ws://HOST:PORT"),
        (
            "binance:A?endpoint=ws://h?token=hunter2",
            "neither password nor query",
        ),
        ("binance:A?speed=1", "no option \"speed\""),
        ("binance:A?depth=1&depth=2", "twice"),
        ("nowhere:A", "is not a source"),
        (many.as_str(), "more than the 4096"),
    ];
    for (written, part) in cases {
        let message = SourceSpec::parse(written).unwrap_err().to_string();
        assert!(message.contains(part), "{written}: {message}");
        assert!(
            !message.contains("hunter2") && message.len() < 500,
            "{message}"
        );
    }
}
