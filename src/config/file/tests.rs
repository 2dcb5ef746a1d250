use super::*;

fn parse(text: &str) -> Result<FileConfig, String> {
    FileConfig::parse(text, Path::new("/etc/lab/lab.toml")).map_err(|error| error.to_string())
}

#[test]
fn a_picture_format_is_a_word_of_three() {
    let parse = |text: &str| FileConfig::parse(text, Path::new("/etc/lab.toml"));
    let config = parse("[snapshot]\nformat = \"png\"\ndir = \"pictures\"").unwrap();
    assert_eq!(config.snapshot.format, PictureFormat::Png);
    assert_eq!(config.snapshot.dir.unwrap(), Path::new("/etc/pictures"));
    let usual = parse("").unwrap().snapshot;
    assert_eq!((usual.format, usual.dir), (PictureFormat::OmeTiff, None));
    let error = parse("[snapshot]\nformat = \"bmp\"")
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "configuration /etc/lab.toml, line 2: a picture cannot be saved as \"bmp\": \
         write one of tiff, png, jpeg"
    );
}

#[test]
fn a_whole_file_is_understood() {
    let config = parse(
        r#"
        theme = "light"
        [record]
        dir = "/data"
        at_start = true
        on_terminal_loss = "quit"
        [keys]
        freeze = "F"
        stop = ["ctrl-x", "F12"]
        [sources.scope]
        url = "imswitchs://lab:8001"
        tls_verify = false
        [sources.fleet]
        url = "socketio://h:5000/feed"
        namespace = "/admin"
        emit = ['["start", {"fps": 30}]', '["more"]']
        headers = { X-Lab = "a" }
        "#,
    )
    .unwrap();
    assert_eq!(
        config.theme.map(|t| (t.value, t.line)),
        Some(("light".into(), 2))
    );
    assert_eq!(config.record.on_terminal_loss, OnTerminalLoss::Quit);
    let keys = config
        .keys
        .iter()
        .map(|(action, key)| (action.value.as_str(), key.value.as_str(), key.line));
    assert_eq!(
        keys.collect::<Vec<_>>(),
        [
            ("freeze", "F", 8),
            ("stop", "ctrl-x", 9),
            ("stop", "F12", 9)
        ]
    );
    let addresses: Vec<String> = config.sources.iter().map(ToString::to_string).collect();
    assert_eq!(
        addresses,
        [
            "imswitchs://lab:8001",
            "socketio://h:5000/feed/?namespace=/admin"
        ]
    );
    assert!(config.sources[0].is_unverified());
    assert_eq!(
        config.sources[1].endpoint.as_ref().unwrap().headers["X-Lab"],
        "a"
    );
    let SourceKind::SocketIo { emit, .. } = &config.sources[1].kind else {
        panic!("not a Socket.IO source");
    };
    assert_eq!(emit, &[r#"["start", {"fps": 30}]"#, r#"["more"]"#]);
}

#[test]
fn an_error_names_file_line_and_remedy() {
    let cases = [
        ("theme = 5", "lab.toml, line 1"),
        (
            "\n\ncolour = \"x\"",
            "lab.toml, line 3: unknown field `colour`",
        ),
        (
            "[sources.a]\nurl = \"http://x\"",
            "line 2: \"http://x\" is not a source",
        ),
        (
            "[sources.a]\nurl = \"imswitch://x\"\ntls_verify = false",
            "line 2: \"imswitch://x\": tls options need imswitchs://",
        ),
        ("[record]\non_terminal_loss = \"maybe\"", "line 2"),
        ("[keys]\nfreeze = []", "line 2: an empty list names no key"),
        (
            "[keys]\nfreeze = 5",
            "line 2: invalid type: integer `5`, expected a key",
        ),
        ("[keys]\nfreeze = [5]", "line 2"),
        (
            "[sources.a]\nurl = \"socketio://x\"\nemit = ['[\"connect\"]']",
            "line 2: \"socketio://x\": emit, entry 1: \"connect\" is a reserved event name",
        ),
        (
            "[sources.a]\nurl = \"imswitchs://x\"\ntls_ca = \"/nope\"",
            "no file /nope",
        ),
        (
            "[sources.a]\nurl = \"imswitchs://x\"\ntls_ca = \"ca.pem\"",
            "no file /etc/lab/ca.pem",
        ),
        ("[record]\ndir = \"~/data\"", "line 2: ~/data: only a shell"),
        (
            "\n[sources.\"\\u001b[2J\"]\nurl = \"imswitch://x\"",
            "line 2: a source cannot be called \"\\u{1b}[2J\"",
        ),
        ("[sources.\"a b\"]\nurl = \"imswitch://x\"", "\"a b\""),
    ];
    for (text, part) in cases {
        let message = parse(text).unwrap_err();
        assert!(message.contains(part), "{text}: {message}");
    }
}

#[test]
fn microscopes_have_limits_codes_and_rules() {
    use crate::model::Limits;
    use crate::protocol::flamingo::Command;

    let config = parse(
        r#"
        [control]
        at_start = true
        audit = "audit.jsonl"
        on_exit = "halt"
        operator = "night shift"
        [sources.left]
        url = "imswitch://lab?limit=Z:-5..5"
        limits = { X = [0, 25000], "Y axis" = [-1.5, 1e3] }
        [sources.right]
        url = "flamingo://lab"
        profile = "older"
        live_port = 9
        [sources.right.codes]
        CAMERA_WORK_FLOW_STOP = 0x3006
        CAMERA_SNAPSHOT = "none"
        [sources.right.limits]
        R = [-720, 720]
        "#,
    )
    .unwrap();
    assert_eq!(
        config.control,
        ControlConfig {
            at_start: true,
            audit: Some("/etc/lab/audit.jsonl".into()),
            on_exit: super::super::OnExit::Halt,
            operator: Some("night shift".into()),
        }
    );
    let [left, right] = config.sources.as_slice() else {
        panic!("not two sources");
    };
    let axes = |spec: &SourceSpec| spec.limits.keys().cloned().collect::<Vec<_>>();
    assert_eq!(axes(left), ["X", "Y axis", "Z"]);
    assert_eq!(
        Limits::new(-1.5, 1_000.0),
        left.limits.get("Y axis").copied()
    );
    assert_eq!(axes(right), ["R"]);
    let SourceKind::Flamingo { profile, live_port } = &right.kind else {
        panic!("not a Flamingo");
    };
    assert_eq!(*live_port, Some(9));
    assert_eq!(profile.code(Command::WorkflowStart), Some(4136));
    assert_eq!(profile.code(Command::WorkflowStop), Some(0x3006));
    assert_eq!(profile.code(Command::Snapshot), None);
}

#[test]
fn what_is_wrong_with_a_microscope_is_said_with_its_line() {
    let cases = [
        (
            "limits = { X = [3, 1] }",
            "line 3: limits of X: 3 is more than 1; write X = [MIN, MAX]",
        ),
        (
            "limits = { X = [3] }",
            "line 3: limits of X: there are two numbers, not 1",
        ),
        (
            "limits = { X = [0, inf] }",
            "line 3: limits of X: both are plain numbers",
        ),
        (
            "limits = { X = [nan, 1] }",
            "line 3: limits of X: both are plain numbers",
        ),
        ("limits = { X = \"5\" }", "line 3: "),
        (
            "limits = { X = [0, 1], x = [0, 2] }",
            "line 3: limits of x are there twice",
        ),
        (
            "[sources.a.limits]\nX = [0, 1]\nW = [0, 1]",
            "line 5: limits: flamingo:// has no axis \"W\"",
        ),
        (
            "limits = { \"\" = [0, 1] }",
            "line 3: limits: \"\" is no name of an axis",
        ),
        (
            "headers = { X-Lab = \"a\" }",
            "line 2: headers: flamingo:// is no HTTP",
        ),
        (
            "tls_verify = false",
            "line 2: \"flamingo://lab\": flamingo:// knows no TLS",
        ),
        ("namespace = \"/a\"", "no option \"namespace\""),
        (
            "profile = \"newest\"",
            "there is no profile \"newest\"; there are current and older",
        ),
        (
            "live_port = 53717",
            "live_port is a number from 1 to 65535 other than 53717",
        ),
        ("live_port = 70000", "line 3: "),
        (
            "[sources.a.codes]\nSTAGE_HALT = \"none\"",
            "line 4: STAGE_HALT = none would leave no way",
        ),
        (
            "[sources.a.codes]\nSTAGE_HALT = -1",
            "line 4: STAGE_HALT: \"-1\" is not a code",
        ),
        ("[sources.a.codes]\nSTAGE_HALT = [1]", "line 4: "),
        (
            "[sources.a.codes]\nSTAGE_HALTT = 1",
            "line 4: there is no command \"STAGE_HALTT\"",
        ),
        (
            "[sources.a.codes]\nSTAGE_HALT = 0x3006",
            "line 4: STAGE_HALT and CAMERA_SNAPSHOT would both be",
        ),
    ];
    for (text, part) in cases {
        let message = parse(&format!("[sources.a]\nurl = \"flamingo://lab\"\n{text}")).unwrap_err();
        assert!(message.contains(part), "{text}: {message}");
    }
    let cases = [
        ("[control]\non_exit = \"maybe\"", "line 2"),
        (
            "[control]\noperator = \"\"",
            "line 2: operator = \"\": take 1 to 64 characters",
        ),
        (
            "[control]\noperator = \"\\u001b[2J\"",
            "line 2: operator = \"\\u{1b}[2J\"",
        ),
        ("[control]\naudit = \"~/a\"", "line 2: ~/a: only a shell"),
        ("[control]\nat_exit = 1", "line 2: unknown field `at_exit`"),
        (
            "[sources.a]\nurl = \"socketio://h\"\nlimits = { X = [0, 1] }",
            "line 3: limits: a Socket.IO source has no axes",
        ),
        (
            "[sources.a]\nurl = \"imswitch://h\"\n[sources.a.codes]\nSTAGE_HALT = 1",
            "line 4: codes are for flamingo:// alone",
        ),
    ];
    for (text, part) in cases {
        let message = parse(text).unwrap_err();
        assert!(message.contains(part), "{text}: {message}");
    }
}

#[test]
fn the_books_of_a_venue_may_stand_in_a_table() {
    let config = parse(
        r#"
        [sources.books]
        url = "kraken:BTC/USD"
        symbols = ["ETH/USD", "SOL/USD"]
        depth = 25
        transport = "poll"
        poll_ms = 1000
        fresh_s = 30
        "#,
    )
    .unwrap();
    let SourceKind::Market(market) = &config.sources[0].kind else {
        panic!("not a venue");
    };
    assert_eq!(market.symbols, ["BTC/USD", "ETH/USD", "SOL/USD"]);
    assert_eq!(
        (market.depth, market.poll_ms, market.fresh_s),
        (Some(25), 1000, 30)
    );
    let error = parse("[sources.a]\nurl = \"imswitch://h\"\ndepth = 5").unwrap_err();
    assert!(error.contains("no option \"depth\""), "{error}");
}

#[test]
fn a_log_is_a_filter_or_a_table() {
    let log = |text: &str| parse(text).map(|config| config.log);
    let filter = log("log = \"debug\"").unwrap();
    assert_eq!(filter.filter.as_deref(), Some("debug"));
    assert_eq!(filter.target, None);
    let table = log("[log]\nfilter = \"warn\"\nto = \"journal\"").unwrap();
    assert_eq!(table.filter.as_deref(), Some("warn"));
    assert_eq!(table.target, Some(LogTarget::Journal));
    let cases = [
        (
            "[log]\nto = \"printer\"",
            "line 2: a log cannot go to \"printer\": write one of file, journal, stderr",
        ),
        ("[log]\nfrom = \"here\"", "line 2: unknown field"),
        ("log = 7", "line 1: invalid type"),
    ];
    for (text, words) in cases {
        let error = log(text).unwrap_err();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn what_is_kept_and_who_may_ask_is_said_with_its_line() {
    let config = parse(
        "[record]\nkeep_days = 30\nkeep_total = \"500GB\"\n[metrics]\nlisten = \"127.0.0.1:9464\"",
    )
    .unwrap();
    let days = |days: u64| std::time::Duration::from_secs(days * 86_400);
    assert_eq!(config.record.retention.age, Some(days(30)));
    assert_eq!(config.record.retention.total_bytes, Some(500_000_000_000));
    assert_eq!(config.metrics.listen.unwrap().port(), 9464);
    let usual = parse("").unwrap();
    assert!(!usual.record.retention.is_on());
    assert_eq!(usual.metrics.listen, None);
    let cases = [
        (
            "[record]\nkeep_days = 0",
            "line 2: keep_days = 0: take 1 to",
        ),
        ("[record]\nkeep_days = -1", "line 2: invalid value"),
        (
            "[record]\n\nkeep_total = \"much\"",
            "line 3: keep_total: \"much\" is not a size",
        ),
        (
            "[metrics]\nlisten = \"0.0.0.0:9464\"",
            "line 2: other machines reach 0.0.0.0:9464",
        ),
        (
            "[metrics]\nlisten = \"9464\"",
            "line 2: \"9464\" is no address",
        ),
    ];
    for (text, words) in cases {
        let error = parse(text).unwrap_err();
        assert!(error.contains(words), "{error}");
    }
    let open = "[metrics]\nlisten = \"0.0.0.0:9464\"\nallow_remote = true";
    assert!(parse(open).unwrap().metrics.allow_remote);
}
