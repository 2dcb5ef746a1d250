//! The microscope simulator, seen by a client that shares no code with it.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "simulator/client.rs"]
mod client;
mod support;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use client::{Client, Heard, PATIENCE, Picture, decode, get, http, post, unpack};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Error;
use ttyscope::simulators::imswitch::{
    Counters, Damage, Depth, Dialect, Fault, Simulator, SimulatorOptions,
};

fn quiet(dialect: Dialect) -> SimulatorOptions {
    SimulatorOptions {
        dialect,
        live: false,
        sensor_px: (48, 32),
        ..SimulatorOptions::default()
    }
}

async fn start(options: SimulatorOptions) -> Simulator {
    Simulator::start(options).await.unwrap()
}

/// Starts the live view of the first camera, as fast as it goes with a pause of a millisecond.
async fn stream(simulator: &Simulator, protocol: &str, mut params: Value) {
    params["throttle_ms"] = params.get("throttle_ms").cloned().unwrap_or(json!(1));
    let call = format!("LiveViewController/startLiveView?protocol={protocol}");
    let started = post(simulator, &call, params).await;
    assert_eq!(started["status"], "success", "{started}");
}

async fn until(simulator: &Simulator, what: &str, reached: impl Fn(Counters) -> bool) {
    let waited = async {
        while !reached(simulator.counters()) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let done = tokio::time::timeout(PATIENCE, waited).await;
    assert!(done.is_ok(), "{what}: {:?}", simulator.counters());
}

/// Waits until the live view has offered `count` more pictures that were skipped.
async fn until_skipped(simulator: &Simulator, count: u64) {
    let before = simulator.counters().skipped;
    until(simulator, "pictures are skipped", |now| {
        now.skipped >= before + count
    })
    .await;
}

#[tokio::test]
async fn a_primed_client_gets_its_window_and_no_more() {
    for (dialect, window) in [(Dialect::Modern, 4), (Dialect::ModernLag1, 2)] {
        let simulator = start(quiet(dialect)).await;
        let mut client = Client::connect(&simulator, dialect).await;
        client.acknowledge(255).await;
        stream(&simulator, "binary", json!({})).await;
        until_skipped(&simulator, 20).await;
        let ids = client.ids_so_far(&simulator).await;
        assert_eq!(ids, (0..window).collect::<Vec<_>>(), "{dialect}");
        // Late is as good: it goes on at once, by as many as were acknowledged.
        client.acknowledge(window - 1).await;
        for id in window..2 * window {
            assert_eq!(client.picture().await.id, Some(id), "{dialect}");
        }
        until_skipped(&simulator, 20).await;
        assert_eq!(client.ids_so_far(&simulator).await, Vec::<u64>::new());
    }
}

#[tokio::test]
async fn a_client_that_never_acknowledges_gets_everything_as_id_0() {
    let simulator = start(quiet(Dialect::Modern)).await;
    let mut client = Client::connect(&simulator, Dialect::Modern).await;
    stream(&simulator, "binary", json!({})).await;
    for _ in 0..50 {
        assert_eq!(client.picture().await.id, Some(0));
    }
    assert_eq!(simulator.counters().skipped, 0);
}

#[tokio::test]
async fn acknowledging_0_to_4_and_falling_silent_ends_after_8_or_6() {
    for (dialect, last) in [(Dialect::Modern, 8), (Dialect::ModernLag1, 6)] {
        let simulator = start(quiet(dialect)).await;
        let mut client = Client::connect(&simulator, dialect).await;
        client.acknowledge(255).await;
        stream(&simulator, "binary", json!({})).await;
        for id in 0..=4 {
            assert_eq!(client.picture().await.id, Some(id));
            client.acknowledge(id).await;
        }
        let rest: Vec<u64> = (5..=last).collect();
        for id in &rest {
            assert_eq!(client.picture().await.id, Some(*id), "{dialect}");
        }
        until_skipped(&simulator, 20).await;
        assert_eq!(
            client.ids_so_far(&simulator).await,
            Vec::<u64>::new(),
            "{dialect}"
        );
        client.acknowledge(last).await;
        assert_eq!(client.picture().await.id, Some(last + 1), "{dialect}");
    }
}

#[tokio::test]
async fn acknowledgements_in_odd_forms() {
    // What is sent as `frame_ack` after the first four pictures (0 to 3), and what comes then.
    let cases: [(&str, &[u64]); 8] = [
        (r#"42["frame_ack",{"frame_id":3.0}]"#, &[4, 5, 6, 7]),
        (r#"42["frame_ack",{"frame_id":259}]"#, &[4, 5, 6, 7]),
        (r#"42["frame_ack",{"frame_id":1}]"#, &[4, 5]),
        (r#"42["frame_ack",{"frame_id":100}]"#, &[]),
        (r#"42["frame_ack"]"#, &[]),
        (r#"42["frame_ack","3"]"#, &[]),
        (r#"42["frame_ack",{"frame_id":"3"}]"#, &[]),
        (r#"42["frame_ack",{"frame_id":3"#, &[]),
    ];
    for (said, expected) in cases {
        let simulator = start(quiet(Dialect::Modern)).await;
        let mut client = Client::connect(&simulator, Dialect::Modern).await;
        client.acknowledge(255).await;
        stream(&simulator, "binary", json!({})).await;
        for id in 0..4 {
            assert_eq!(client.picture().await.id, Some(id));
        }
        client.say(said).await;
        for id in expected {
            assert_eq!(client.picture().await.id, Some(*id), "{said}");
        }
        until_skipped(&simulator, 20).await;
        assert_eq!(
            client.ids_so_far(&simulator).await,
            Vec::<u64>::new(),
            "{said}"
        );
    }
    // Without an id there is no limit any more.
    for said in [
        r#"42["frame_ack",{"frame_id":null}]"#,
        r#"42["frame_ack",{}]"#,
    ] {
        let simulator = start(quiet(Dialect::Modern)).await;
        let mut client = Client::connect(&simulator, Dialect::Modern).await;
        client.acknowledge(255).await;
        stream(&simulator, "binary", json!({})).await;
        for id in [0, 1, 2, 3] {
            assert_eq!(client.picture().await.id, Some(id));
        }
        client.say(said).await;
        for _ in 0..10 {
            assert_eq!(client.picture().await.id, Some(0), "{said}");
        }
    }
}

#[tokio::test]
async fn an_id_as_text_stops_every_client_until_its_sender_leaves() {
    let simulator = start(quiet(Dialect::Modern)).await;
    let mut good = Client::connect(&simulator, Dialect::Modern).await;
    let mut bad = Client::connect(&simulator, Dialect::Modern).await;
    stream(&simulator, "binary", json!({})).await;
    assert_eq!(good.picture().await.id, Some(0));
    bad.picture().await;
    bad.acknowledge("0").await;
    until_skipped(&simulator, 20).await;
    good.ids_so_far(&simulator).await;
    until_skipped(&simulator, 20).await;
    assert_eq!(good.ids_so_far(&simulator).await, Vec::<u64>::new());
    drop(bad);
    assert_eq!(good.picture().await.id, Some(0));
}

#[tokio::test]
async fn connections_have_ids_and_windows_of_their_own() {
    let simulator = start(quiet(Dialect::Modern)).await;
    let mut first = Client::connect(&simulator, Dialect::Modern).await;
    first.acknowledge(255).await;
    stream(&simulator, "binary", json!({})).await;
    for id in 0..10 {
        assert_eq!(first.picture().await.id, Some(id));
        first.acknowledge(id).await;
    }
    let mut second = Client::connect(&simulator, Dialect::Modern).await;
    second.acknowledge(255).await;
    // Pictures between the connect answer and the priming all carry 0.
    let ids = [second.picture().await.id, second.picture().await.id];
    assert!(ids[0] == Some(0) && ids[1] <= Some(1), "{ids:?}");
    // It stalls, the other one does not.
    for _ in 0..20 {
        let id = first.picture().await.id.unwrap();
        first.acknowledge(id).await;
    }
}

#[tokio::test]
async fn an_acknowledgement_that_asks_for_one_is_answered() {
    let simulator = start(quiet(Dialect::Modern)).await;
    let mut client = Client::connect(&simulator, Dialect::Modern).await;
    client.say(r#"427["nobody_handles_this"]"#).await;
    client.say(r#"428["frame_ack",{"frame_id":255}]"#).await;
    assert_eq!(client.hear().await, Heard::Other("438[]".to_owned()));
}

#[tokio::test]
async fn two_detectors_share_one_sequence() {
    let simulator = start(quiet(Dialect::Modern)).await;
    let mut client = Client::connect(&simulator, Dialect::Modern).await;
    client.acknowledge(255).await;
    stream(&simulator, "binary", json!({"throttle_ms": 5})).await;
    let call = "LiveViewController/startLiveView?protocol=jpeg&detectorName=FocusLock";
    post(
        &simulator,
        call,
        json!({"throttle_ms": 5, "jpeg_quality": 50}),
    )
    .await;
    let mut detectors = BTreeSet::new();
    let mut id = 0;
    while detectors.len() < 2 || id < 20 {
        let picture = client.picture().await;
        assert_eq!(picture.id, Some(id));
        client.acknowledge(id).await;
        id = (id + 1) % 256;
        detectors.insert(picture.detector.clone());
        let magic: &[u8] = match picture.detector.as_str() {
            "WidefieldCamera" => b"UC2F",
            _ => &[0xff, 0xd8],
        };
        assert!(picture.body.starts_with(magic), "{}", picture.detector);
    }
    assert_eq!(
        detectors.into_iter().collect::<Vec<_>>(),
        ["FocusLock", "WidefieldCamera"]
    );
}

#[tokio::test]
async fn stream_parameters_change_the_pictures() {
    let simulator = start(SimulatorOptions {
        sensor_px: (120, 101),
        ..quiet(Dialect::Modern)
    })
    .await;
    let mut client = Client::connect(&simulator, Dialect::Modern).await;
    for (params, size, original, compression, magic) in [
        (
            json!({"compression_algorithm": "lz4", "subsampling_factor": 1}),
            (120, 101),
            (120, 101),
            "lz4",
            [4, 0x22, 0x4d, 0x18],
        ),
        (
            json!({"compression_algorithm": "zstd", "subsampling_factor": 4}),
            (30, 26),
            (120, 101),
            "zstd",
            [0x28, 0xb5, 0x2f, 0xfd],
        ),
        (
            json!({"compression_algorithm": "zstandard", "crop_size": 101, "subsampling_factor": 3}),
            (34, 34),
            (101, 101),
            "none",
            [0; 4],
        ),
    ] {
        stream(&simulator, "binary", params.clone()).await;
        let picture = client.picture().await;
        assert_eq!(picture.size(), size, "{params}");
        let of = |key: &str| picture.metadata[key].clone();
        assert_eq!((of("width"), of("height")), (size.0.into(), size.1.into()));
        let told = (of("original_width"), of("original_height"));
        assert_eq!(told, (original.0.into(), original.1.into()));
        assert_eq!(of("compression_algorithm"), compression);
        let body = &picture.body[36..];
        assert_eq!(of("compressed_bytes"), body.len());
        assert_eq!(of("raw_bytes"), size.0 * size.1 * 2);
        if compression != "none" {
            assert_eq!(body[..4], magic);
        } else {
            assert_eq!(body.len(), (size.0 * size.1 * 2) as usize);
        }
        let stopped = get(&simulator, "LiveViewController/stopLiveView").await;
        assert_eq!(stopped["status"], "success");
        assert_eq!(client.signal("sigStreamStopped").await["p1"], "binary");
    }
    // Under a running stream, too.
    stream(&simulator, "binary", json!({"subsampling_factor": 1})).await;
    assert_eq!(client.picture().await.size(), (120, 101));
    let body = json!({"subsampling_factor": 2, "throttle_ms": 1});
    let set = post(
        &simulator,
        "LiveViewController/setStreamParameters?protocol=binary",
        body,
    )
    .await;
    assert_eq!(set["updated_detectors"], json!(["WidefieldCamera"]));
    while client.picture().await.size() != (60, 51) {}
}

#[tokio::test]
async fn every_depth_sends_its_range() {
    for (depth, check) in [
        (Depth::Eight, (|p| p.is_multiple_of(256)) as fn(u16) -> bool),
        (Depth::Twelve, |p| p <= 4095),
        (Depth::Rgb, |p| p.is_multiple_of(256)),
        (Depth::Sixteen, |p| p == (p & 0xfff0) | p >> 12),
    ] {
        let simulator = start(SimulatorOptions {
            depth,
            ..quiet(Dialect::Modern)
        })
        .await;
        let mut client = Client::connect(&simulator, Dialect::Modern).await;
        let params = json!({"compression_algorithm": "none", "subsampling_factor": 1});
        stream(&simulator, "binary", params).await;
        let picture = client.picture().await;
        let pixels = picture.body[36..]
            .chunks(2)
            .map(|p| u16::from_le_bytes([p[0], p[1]]));
        let pixels: Vec<u16> = pixels.collect();
        assert_eq!(pixels.len(), 48 * 32);
        assert!(pixels.iter().all(|p| check(*p)), "{depth:?}");
        assert_eq!(picture.body[20..24], [12, 0, 1, 0], "{depth:?}");
        get(&simulator, "LiveViewController/stopLiveView").await;
        client.signal("sigStreamStopped").await;
        stream(&simulator, "jpeg", json!({"subsampling_factor": 1})).await;
        let picture = client.picture().await;
        let start = picture
            .body
            .windows(2)
            .position(|w| w == [0xff, 0xc0])
            .unwrap();
        let components = if depth == Depth::Rgb { 3 } else { 1 };
        assert_eq!(picture.body[start + 9], components, "{depth:?}");
    }
}

/// Starts a live view the way the dialect has it.
async fn start_live(simulator: &Simulator, dialect: Dialect, protocol: &str) {
    let address = simulator.address();
    let replies = match dialect {
        Dialect::Modern | Dialect::ModernLag1 | Dialect::Pair => {
            let prefix = if dialect == Dialect::Pair { "" } else { "/api" };
            let path = format!("{prefix}/LiveViewController/startLiveView?protocol={protocol}");
            vec![
                http(
                    address,
                    "POST",
                    &path,
                    "{\"throttle_ms\":1,\"subsampling_factor\":2}",
                )
                .await,
            ]
        }
        Dialect::Raw | Dialect::Json => {
            let algorithm = if protocol == "jpeg" { "jpeg" } else { "lz4" };
            let body = json!({"compression": {"algorithm": algorithm, "level": 0}, "subsampling": {"factor": 2}});
            let path = "/SettingsController/setStreamParams?throttle_ms=1";
            vec![
                http(address, "POST", path, &body.to_string()).await,
                http(
                    address,
                    "GET",
                    "/ViewController/setLiveViewActive?active=true",
                    "",
                )
                .await,
            ]
        }
    };
    for reply in replies {
        assert_eq!(reply.status, 200, "{dialect}: {}", reply.body);
    }
}

#[tokio::test]
async fn the_pair_dialect_takes_bare_acknowledgements() {
    let simulator = start(quiet(Dialect::Pair)).await;
    let mut client = Client::connect(&simulator, Dialect::Pair).await;
    start_live(&simulator, Dialect::Pair, "binary").await;
    assert_eq!(client.signal("sigStreamStarted").await["p1"], "binary");
    for id in 0..5 {
        let picture = client.picture().await;
        assert!(picture.id >= Some(id) && picture.body.starts_with(b"UC2F"));
        assert_eq!(picture.ack_id, None);
        client.say("42[\"frame_ack\"]").await;
    }
    // A silent client gets one in ten.
    client.picture().await;
    let second = client.picture().await.id.unwrap();
    assert_eq!(client.picture().await.id, Some(second + 10));
}

#[tokio::test]
async fn the_raw_dialect_has_one_picture_under_way_and_its_metadata_apart() {
    for free in ["43ID[]", "42[\"frame_ack\"]"] {
        let simulator = start(quiet(Dialect::Raw)).await;
        let mut client = Client::connect(&simulator, Dialect::Raw).await;
        start_live(&simulator, Dialect::Raw, "binary").await;
        for ack_id in 1..=5 {
            let heard = client.hear().await;
            let picture = Picture::from(&heard).unwrap();
            assert_eq!(picture.ack_id, Some(ack_id));
            let Heard::Event {
                name, arguments, ..
            } = client.hear().await
            else {
                panic!("no metadata");
            };
            assert_eq!(name, "signal");
            let meta: Value = serde_json::from_str(arguments[0].as_str().unwrap()).unwrap();
            assert_eq!(meta["name"], "frame_meta");
            let stamp = u64::from_le_bytes(picture.body[24..32].try_into().unwrap());
            assert_eq!(meta["metadata"]["timestamp_ns"], stamp);
            until_skipped(&simulator, 3).await;
            client.say(&free.replace("ID", &ack_id.to_string())).await;
        }
    }
}

#[tokio::test]
async fn old_dialects_send_jpeg_in_signals() {
    for dialect in [Dialect::Pair, Dialect::Raw, Dialect::Json] {
        let simulator = start(quiet(dialect)).await;
        let mut client = Client::connect(&simulator, dialect).await;
        start_live(&simulator, dialect, "jpeg").await;
        for _ in 0..3 {
            let picture = client.picture().await;
            assert!(picture.body.starts_with(&[0xff, 0xd8]), "{dialect}");
            assert_eq!(picture.detector, "WidefieldCamera");
            assert_eq!(picture.ack_id.is_some(), dialect == Dialect::Raw);
            assert_eq!(picture.id.is_some(), dialect != Dialect::Json);
            client.say("42[\"frame_ack\"]").await;
        }
    }
}

/// The keys of a picture's metadata, and of what stands around it.
fn keys_of(heard: &Heard) -> Option<Vec<String>> {
    let picture = Picture::from(heard)?;
    let mut keys: Vec<String> = picture.metadata.keys().cloned().collect();
    if let Heard::Event {
        attachment: Some(bytes),
        ..
    } = heard
        && let Some(Value::Object(map)) = unpack(bytes).filter(Value::is_object)
    {
        keys.extend(map.keys().map(|key| format!("outer {key}")));
    }
    keys.sort();
    Some(keys)
}

/// What a captured session holds, in the words of the test's client.
fn captured(text: &str) -> Vec<Heard> {
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let received: Vec<&Value> = lines.iter().filter(|line| line["dir"] == "rx").collect();
    let mut heard = Vec::new();
    for (at, line) in received.iter().enumerate() {
        let payload = line["payload"].as_str().unwrap();
        let (rest, binary) = match (line["kind"] == "text", payload.strip_prefix("451-")) {
            (true, Some(rest)) => (rest, true),
            (true, None) if payload.starts_with("42") => (&payload[2..], false),
            _ => continue,
        };
        let array: Vec<Value> = serde_json::from_str(&rest[rest.find('[').unwrap()..]).unwrap();
        heard.push(Heard::Event {
            name: array[0].as_str().unwrap().to_owned(),
            arguments: array[1..].to_vec(),
            attachment: binary.then(|| decode(received[at + 1]["payload"].as_str().unwrap())),
            ack_id: None,
        });
    }
    heard
}

#[tokio::test]
async fn pictures_have_the_keys_of_captured_ones() {
    let Some(folder) = support::captures::folder("imswitch") else {
        return;
    };
    for (file, dialect, protocol) in [
        ("v26-lz4-sub4.jsonl.gz", Dialect::Modern, "binary"),
        ("v26-jpeg-sub4.jsonl.gz", Dialect::Modern, "jpeg"),
        (
            "v26.0.0-beta.1-ack-stall.jsonl.gz",
            Dialect::ModernLag1,
            "binary",
        ),
        ("v2.1.141-lz4-sub4.jsonl.gz", Dialect::Pair, "binary"),
        ("v2.1.141-jpeg.jsonl.gz", Dialect::Pair, "jpeg"),
        ("v2.1.133-jpeg.jsonl.gz", Dialect::Raw, "jpeg"),
        ("v2.1.85-live.jsonl.gz", Dialect::Json, "jpeg"),
    ] {
        let path = folder.join(file);
        if !path.is_file() {
            eprintln!("skipped: no {}", path.display());
            continue;
        }
        let session = captured(&support::captures::read_text(&path));
        let expected = session.iter().find_map(keys_of).unwrap();
        let simulator = start(quiet(dialect)).await;
        let mut client = Client::connect(&simulator, dialect).await;
        start_live(&simulator, dialect, protocol).await;
        let keys = loop {
            if let Some(keys) = keys_of(&client.hear().await) {
                break keys;
            }
        };
        assert_eq!(keys, expected, "{file}");
    }
}

/// The keys of an object at any depth, with the kind of every value.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| (key.clone(), shape(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Array(_) => "array".into(),
        Value::Number(_) => "number".into(),
        Value::Bool(_) => "bool".into(),
        Value::String(_) => "text".into(),
        Value::Null => Value::Null,
    }
}

#[tokio::test]
async fn rest_replies_have_the_shape_of_captured_ones() {
    let Some(folder) = support::captures::folder("imswitch") else {
        return;
    };
    let path = folder.join("v26-rest.jsonl");
    if !path.is_file() {
        eprintln!("skipped: no {}", path.display());
        return;
    }
    // Captured calls whose answer depends on what is not simulated.
    let different = [
        "getAvailableControllers",
        "UC2ConfigController/is_connected",
        "SettingsController/getCameraStatus",
        "SettingsController/setDetectorParameterValue",
        "ObjectiveController/getstatus",
        "ObjectiveController/moveToObjective",
        // Here a picture takes its time, also in the next call.
        "RecordingController/getSnapStatus",
    ];
    let simulator = start(quiet(Dialect::Modern)).await;
    // Moves of the captured session are waited for; here they need not take long.
    for axis in ["X", "Y", "Z"] {
        let call = format!(
            "PositionerController/setPositionerSpeed?positionerName=VirtualStage&axis={axis}&speed=10000000"
        );
        get(&simulator, &call).await;
    }
    let mut checked = 0;
    for line in support::captures::read_text(&path).lines() {
        let exchange: Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| exchange[key].as_str().unwrap().to_owned();
        let body = match &exchange["body"] {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        let url = format!("/api/{}?{}", text("path"), text("query"));
        let reply = http(simulator.address(), &text("method"), &url, &body).await;
        if reply.status == 404 && exchange["status"] != 404 {
            continue;
        }
        assert_eq!(reply.status, exchange["status"], "{line}");
        assert_eq!(reply.content_type, text("content_type"), "{line}");
        let (ours, theirs) = (reply.json(), &exchange["response"]);
        if !different.contains(&text("path").as_str()) {
            assert_eq!(shape(&ours), shape(theirs), "{line}\n{ours}");
        }
        if exchange["status"] != 200 {
            assert_eq!(&ours, theirs, "{line}");
        }
        checked += 1;
    }
    assert!(checked > 70, "only {checked} captured calls exist here");
}

#[tokio::test]
async fn the_simulator_says_what_it_is() {
    let simulator = start(quiet(Dialect::Modern)).await;
    assert_eq!(
        get(&simulator, "hostname").await["hostname"],
        "ttyscope-simulator"
    );
    let controllers = get(&simulator, "getAvailableControllers").await;
    let controllers = controllers["availableControllers"]
        .as_array()
        .unwrap()
        .clone();
    for name in [
        "LiveViewController",
        "PositionerController",
        "SettingsController",
    ] {
        assert!(controllers.contains(&name.into()), "{controllers:?}");
    }
    let reply = http(simulator.address(), "GET", "/imswitch/api/version", "").await;
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn old_releases_have_no_prefix_and_fewer_calls() {
    for (dialect, path, status) in [
        (Dialect::Modern, "/version", 404),
        (Dialect::Modern, "/api/version", 200),
        (Dialect::Pair, "/api/version", 404),
        (Dialect::Pair, "/version", 200),
        (Dialect::Raw, "/LiveViewController/getActiveStreams", 404),
        (Dialect::Json, "/version", 404),
        (Dialect::Json, "/SettingsController/getDetectorNames", 200),
        (
            Dialect::Json,
            "/PositionerController/stopAllAxes?positionerName=VirtualStage",
            404,
        ),
    ] {
        let simulator = start(quiet(dialect)).await;
        let reply = http(simulator.address(), "GET", path, "").await;
        assert_eq!(reply.status, status, "{dialect} {path}");
    }
}

#[tokio::test]
async fn socket_io_can_have_the_port_above() {
    let simulator = start(SimulatorOptions {
        separate_ports: true,
        ..quiet(Dialect::Raw)
    })
    .await;
    let rest = simulator.address();
    let Err(Error::Http(reply)) = Client::open(rest).await else {
        panic!("Socket.IO on the REST port");
    };
    assert_eq!(reply.status(), 403);
    assert_eq!(http(rest, "GET", "/version", "").await.status, 200);
    let above = SocketAddr::new(rest.ip(), rest.port() + 1);
    assert_eq!(http(above, "GET", "/version", "").await.status, 404);
    let mut client = Client::open(above).await.unwrap();
    assert!(matches!(client.hear().await, Heard::Other(open) if open.starts_with('0')));
}

#[tokio::test]
async fn the_stage_takes_its_time_and_tells_where_it_is() {
    let simulator = start(quiet(Dialect::Modern)).await;
    let mut client = Client::connect(&simulator, Dialect::Modern).await;
    let x = |positions: &Value| positions["VirtualStage"]["X"].as_f64().unwrap();
    get(&simulator, "PositionerController/movePositioner?positionerName=VirtualStage&axis=X&dist=300&speed=1000").await;
    assert_eq!(
        client.signal("sigAttributeSet").await["p0"],
        "('Positioner', 'VirtualStage', 'X', 'Speed')"
    );
    let mut seen = vec![x(&client.signal("sigUpdateMotorPosition").await["p0"])];
    while seen.last() != Some(&300.0) {
        seen.push(x(&client.signal("sigUpdateMotorPosition").await["p0"]));
    }
    assert!(seen.len() > 2 && seen.is_sorted(), "{seen:?}");

    let stage = "positionerName=VirtualStage";
    // A jog goes on until it is stopped.
    get(
        &simulator,
        &format!(
            "PositionerController/movePositionerForever?{stage}&axis=Y&speed=-500&is_stop=false"
        ),
    )
    .await;
    while client.signal("sigUpdateMotorPosition").await["p0"]["VirtualStage"]["Y"].as_f64()
        > Some(-50.0)
    {}
    let stopped = get(
        &simulator,
        &format!("PositionerController/stopAllAxes?{stage}"),
    )
    .await;
    assert_eq!(stopped["success"], true);
    let here = get(&simulator, "PositionerController/getPositionerPositions").await;
    assert_eq!(
        here,
        get(&simulator, "PositionerController/getPositionerPositions").await
    );

    // Blocking moves answer when they have arrived.
    let reply = get(
        &simulator,
        &format!("PositionerController/movePositionerXYZ?{stage}&z=20&isBlocking=true"),
    )
    .await;
    assert_eq!(reply["position"]["Z"], 20.0);
}

#[tokio::test]
async fn settings_are_kept_and_announced() {
    let simulator = start(quiet(Dialect::Modern)).await;
    let mut client = Client::connect(&simulator, Dialect::Modern).await;
    get(
        &simulator,
        "SettingsController/setDetectorExposureTime?detectorName=WidefieldCamera&exposureTime=33.5",
    )
    .await;
    for _ in 0..2 {
        let told = client.signal("sigDetectorParametersUpdated").await;
        assert_eq!(told["p0"]["parameters"]["exposure"], 33.5);
    }
    assert_eq!(
        get(&simulator, "SettingsController/getDetectorParameters").await["exposure"],
        33.5
    );
    get(
        &simulator,
        "LaserController/setLaserActive?laserName=LASER&active=false",
    )
    .await;
    let told = client.signal("sigAttributeSet").await;
    assert_eq!(
        told,
        json!({"p0": "('Laser', 'LASER', 'Enabled')", "p1": false})
    );
    get(&simulator, "ObjectiveController/moveToObjective?slot=1").await;
    assert_eq!(
        client.signal("sigObjectiveChanged").await["p0"]["pixelsize"],
        0.5
    );
}

#[tokio::test]
async fn diagnostics_count_what_a_live_view_made() {
    let simulator = start(quiet(Dialect::Modern)).await;
    stream(&simulator, "binary", json!({})).await;
    until(&simulator, "pictures are made", |now| now.produced > 5).await;
    let told = get(&simulator, "LiveViewController/getStreamDiagnostics").await;
    assert!(
        told["WidefieldCamera"]["worker"]["frames_emitted"].as_u64() > Some(5),
        "{told}"
    );
    assert_eq!(told["FocusLock"], Value::Null);
    let again = post(
        &simulator,
        "LiveViewController/startLiveView?protocol=jpeg",
        json!({}),
    )
    .await;
    assert_eq!(again["status"], "already_running");
    let active = get(&simulator, "LiveViewController/getActiveStreams").await;
    assert_eq!(
        active["active_streams"],
        json!([{"detector": "WidefieldCamera", "protocol": "binary"}])
    );
}

#[tokio::test]
async fn wrong_hand_shakes_are_answered_as_the_servers_do() {
    let simulator = start(quiet(Dialect::Modern)).await;
    for path in [
        "/socket.io?EIO=4&transport=websocket",
        "/socket.io/?EIO=3&transport=websocket",
        "/socket.io/?EIO=4&transport=websocket&sid=unknown",
        "/socket.io/other?EIO=4&transport=websocket",
    ] {
        let Err(Error::Http(reply)) = Client::open_at(simulator.address(), path).await else {
            panic!("{path} was accepted");
        };
        assert_eq!(reply.status(), 403, "{path}");
    }
    let polling = http(
        simulator.address(),
        "GET",
        "/socket.io/?EIO=3&transport=polling",
        "",
    )
    .await;
    assert_eq!(polling.status, 400);
    assert!(
        polling.body.contains("unsupported version"),
        "{}",
        polling.body
    );

    let mut client = Client::open_at(
        simulator.address(),
        "/imswitch/socket.io/?EIO=4&transport=websocket",
    )
    .await
    .unwrap();
    client.hear().await;
    for (said, answer) in [
        ("40/admin,", "44/admin,\"Unable to connect\""),
        ("40{}", "42"),
    ] {
        client.say(said).await;
        match client.hear().await {
            Heard::Other(text) => assert_eq!(text, answer),
            heard => assert!(
                matches!(heard, Heard::Event { .. }) && answer == "42",
                "{heard:?}"
            ),
        }
    }
    client.hear().await;
    client.say("40").await;
    assert_eq!(
        client.hear().await,
        Heard::Other("44\"Unable to connect\"".to_owned())
    );
    client.say("x").await;
    assert_eq!(client.hear().await, Heard::Closed);
}

#[tokio::test]
async fn a_client_that_does_not_answer_pings_is_closed() {
    let simulator = start(SimulatorOptions {
        ping_interval: Duration::from_millis(20),
        ping_timeout: Duration::from_millis(50),
        ..quiet(Dialect::Modern)
    })
    .await;
    let mut client = Client::open(simulator.address()).await.unwrap();
    client.hear().await;
    for _ in 0..3 {
        assert_eq!(client.hear().await, Heard::Other("2".to_owned()));
        client.say("3").await;
    }
    assert_eq!(client.hear().await, Heard::Other("2".to_owned()));
    assert_eq!(client.hear().await, Heard::Closed);
}

#[tokio::test]
async fn a_stopped_simulator_ends_its_connections_and_frees_its_port() {
    let simulator = start(SimulatorOptions {
        live: true,
        ..quiet(Dialect::Modern)
    })
    .await;
    let address = simulator.address();
    let mut client = Client::connect(&simulator, Dialect::Modern).await;
    client.picture().await;
    simulator.stop().await;
    while client.hear().await != Heard::Closed {}
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn faults_of_the_link() {
    // Without any answer, while other things go on.
    let simulator = start(SimulatorOptions {
        live: true,
        faults: vec![Fault::NoAnswer],
        ..quiet(Dialect::Modern)
    })
    .await;
    let mut stream = TcpStream::connect(simulator.address()).await.unwrap();
    stream
        .write_all(b"GET /api/version HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let mut answer = [0; 1];
    tokio::select! {
        biased;
        read = stream.read(&mut answer) => panic!("answered: {read:?}"),
        () = until(&simulator, "pictures are made", |now| now.produced > 20) => {}
    }
    simulator.set_faults(&[]);
    // What came while it said nothing is never read: the connection ends without an answer.
    let end = tokio::time::timeout(PATIENCE, stream.read(&mut answer))
        .await
        .unwrap();
    assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");

    simulator.set_faults(&[Fault::Refuse]);
    let Err(Error::Http(reply)) = Client::open(simulator.address()).await else {
        panic!("accepted");
    };
    assert_eq!(reply.status(), 403);

    simulator.set_faults(&[Fault::CloseBeforeConnect]);
    let mut client = Client::open(simulator.address()).await.unwrap();
    assert!(matches!(client.hear().await, Heard::Other(open) if open.starts_with('0')));
    client.say("40").await;
    assert_eq!(client.hear().await, Heard::Closed);

    simulator.set_faults(&[]);
    let mut client = Client::connect(&simulator, Dialect::Modern).await;
    let after = Duration::from_millis(1);
    simulator.set_faults(&[Fault::DropLink { after }]);
    assert_eq!(client.hear().await, Heard::Closed);
}

#[tokio::test]
async fn a_stalled_link_says_nothing_and_a_silent_one_only_pings() {
    let simulator = start(SimulatorOptions {
        ping_interval: Duration::from_millis(10),
        ..quiet(Dialect::Modern)
    })
    .await;
    let mut client = Client::open(simulator.address()).await.unwrap();
    client.hear().await;
    client.say("40").await;
    stream(&simulator, "binary", json!({})).await;
    client.picture().await;

    simulator.set_faults(&[Fault::Silent]);
    // A ping may have come between the pictures.
    client.say("3").await;
    // What was under way still comes, then pings alone.
    let mut pings = 0;
    while pings < 3 {
        match client.hear().await {
            Heard::Other(text) if text == "2" => {
                pings += 1;
                client.say("3").await;
            }
            Heard::Closed => panic!("closed"),
            _ => assert!(pings < 2, "an event while silent"),
        }
    }

    simulator.set_faults(&[Fault::Stall]);
    let sent = simulator.counters().sent;
    until(&simulator, "the live view goes on", {
        let before = simulator.counters().produced;
        move |now| now.produced > before + 10
    })
    .await;
    // One picture may have been decided about when the fault was set.
    assert!(simulator.counters().sent <= sent + 1);
    simulator.set_faults(&[]);
    client.say("3").await;
    client.picture().await;
}

#[tokio::test]
async fn corrupt_pictures_come_in_every_way() {
    let simulator = start(SimulatorOptions {
        faults: vec![Fault::CorruptFrame { every: 1 }],
        ..quiet(Dialect::Modern)
    })
    .await;
    let mut client = Client::connect(&simulator, Dialect::Modern).await;
    stream(
        &simulator,
        "binary",
        json!({"subsampling_factor": 1, "compression_algorithm": "none"}),
    )
    .await;
    for way in Damage::ALL {
        let picture = client.picture().await;
        let announced = u32::from_le_bytes(picture.body[32..36].try_into().unwrap()) as usize;
        let body = &picture.body[36..];
        let fine = [
            ("magic", picture.body.starts_with(b"UC2F")),
            ("length", body.len() == announced),
            ("size", picture.size() == (48, 32)),
            ("pixels", body.len() == 48 * 32 * 2),
        ];
        let wrong: Vec<&str> = fine
            .iter()
            .filter(|(_, fine)| !fine)
            .map(|(name, _)| *name)
            .collect();
        let expected: &[&str] = match way {
            Damage::BadMagic => &["magic"],
            Damage::ShortBody => &["length", "pixels"],
            Damage::SizeMismatch => &["size"],
            Damage::BrokenLz4 => &["pixels"],
            Damage::Bomb => &["pixels"],
            Damage::OverflowingSize => &["size"],
        };
        assert_eq!(wrong, expected, "{way:?}");
    }
}

#[tokio::test]
async fn truncated_and_overlong_messages() {
    let simulator = start(quiet(Dialect::Modern)).await;
    let mut client = Client::connect(&simulator, Dialect::Modern).await;
    simulator.set_faults(&[Fault::TruncatedMsgpack { every: 2 }]);
    stream(&simulator, "binary", json!({})).await;
    let mut whole = Vec::new();
    while whole.len() < 10 {
        if let Heard::Event {
            attachment: Some(bytes),
            ..
        } = client.hear().await
        {
            whole.push(unpack(&bytes).is_some());
        }
    }
    let expected: Vec<bool> = (0..10).map(|nth| whole[nth % 2]).collect();
    assert_eq!(whole, expected);
    assert_ne!(whole[0], whole[1]);

    simulator.set_faults(&[Fault::LongFrames { mib: 1 }]);
    loop {
        if let Heard::Event {
            name,
            attachment: Some(bytes),
            ..
        } = client.hear().await
            && name == "frame"
            && bytes.len() == 1 << 20
        {
            break;
        }
    }
}

#[tokio::test]
async fn faults_of_the_window() {
    let simulator = start(quiet(Dialect::Modern)).await;
    let mut client = Client::connect(&simulator, Dialect::Modern).await;
    client.acknowledge(255).await;
    client.ids_so_far(&simulator).await;
    simulator.set_faults(&[Fault::IgnoreAcks]);
    stream(&simulator, "binary", json!({})).await;
    for id in 0..4 {
        assert_eq!(client.picture().await.id, Some(id));
        client.acknowledge(id).await;
    }
    until_skipped(&simulator, 20).await;
    assert_eq!(client.ids_so_far(&simulator).await, Vec::<u64>::new());

    simulator.set_faults(&[Fault::Flood]);
    for id in 4..60 {
        assert_eq!(client.picture().await.id, Some(id));
    }
    drop(client);

    simulator.set_faults(&[Fault::IdsOutOfOrder]);
    let mut client = Client::connect(&simulator, Dialect::Modern).await;
    get(&simulator, "LiveViewController/stopLiveView").await;
    while client.signal("sigStreamStopped").await["p1"] != "binary" {}
    client.acknowledge(255).await;
    client.ids_so_far(&simulator).await;
    stream(&simulator, "binary", json!({})).await;
    let mut ids = Vec::new();
    for _ in 0..6 {
        let id = client.picture().await.id.unwrap();
        client.acknowledge(id).await;
        ids.push(id);
    }
    assert!(ids.windows(2).any(|pair| pair[1] < pair[0]), "{ids:?}");
}

#[tokio::test]
async fn escape_sequences_in_names_and_log_lines() {
    let simulator = start(SimulatorOptions {
        faults: vec![Fault::EscapeText],
        ..quiet(Dialect::Modern)
    })
    .await;
    let mut client = Client::connect(&simulator, Dialect::Modern).await;
    let line = client.signal("sigLog").await;
    assert!(line["p0"].as_str().unwrap().contains('\u{1b}'));
    let names = get(&simulator, "SettingsController/getDetectorNames").await;
    let name = names[0].as_str().unwrap();
    assert!(name.starts_with("WidefieldCamera\u{1b}"), "{name:?}");
    // The name can be used as it was told.
    let name: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
    let call = format!("LiveViewController/startLiveView?protocol=binary&detectorName={name}");
    assert_eq!(
        post(&simulator, &call, json!({})).await["status"],
        "success"
    );
    assert!(client.picture().await.detector.contains('\u{1b}'));
}

#[tokio::test]
async fn slow_rest_does_not_slow_pictures() {
    let simulator = start(SimulatorOptions {
        live: true,
        faults: vec![Fault::SlowRest {
            by: Duration::from_secs(3600),
        }],
        ..quiet(Dialect::Modern)
    })
    .await;
    let mut client = Client::connect(&simulator, Dialect::Modern).await;
    let mut slow = std::pin::pin!(http(simulator.address(), "GET", "/api/version", ""));
    for _ in 0..5 {
        tokio::select! {
            biased;
            _ = &mut slow => panic!("answered at once"),
            _ = client.picture() => {}
        }
    }
}

#[tokio::test]
async fn a_blocking_get_holds_up_everything_but_posts() {
    let simulator = start(SimulatorOptions {
        live: true,
        faults: vec![Fault::BlockingRest {
            by: Duration::from_secs(3600),
        }],
        ..quiet(Dialect::Modern)
    })
    .await;
    let mut client = Client::connect(&simulator, Dialect::Modern).await;
    client.picture().await;
    let mut command = Box::pin(http(simulator.address(), "GET", "/api/version", ""));
    let standstill = async {
        loop {
            let picture = tokio::time::timeout(Duration::from_millis(500), client.picture());
            tokio::select! {
                _ = &mut command => panic!("answered at once"),
                came = picture => if came.is_err() { return },
            }
        }
    };
    let found = tokio::time::timeout(Duration::from_secs(60), standstill).await;
    assert!(found.is_ok(), "pictures go on while the command runs");
    let call = "LiveViewController/setStreamParameters?protocol=binary";
    assert_eq!(post(&simulator, call, json!({})).await["status"], "success");
    drop(command);
    client.picture().await;
}
