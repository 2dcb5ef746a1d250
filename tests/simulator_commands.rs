//! What the microscope simulator can be asked to do, seen by a client that shares no code with it.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "simulator/client.rs"]
#[allow(dead_code)]
mod client;

use std::time::Duration;

use client::{Client, PATIENCE, get, http};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use ttyscope::simulators::imswitch::{Dialect, Fault, Simulator, SimulatorOptions, What};

async fn start(options: SimulatorOptions) -> Simulator {
    let options = SimulatorOptions {
        live: false,
        sensor_px: (48, 32),
        ..options
    };
    Simulator::start(options).await.unwrap()
}

/// Waits until the simulator says so.
async fn until(what: &str, reached: impl Fn() -> bool) {
    let waited = async {
        while !reached() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    assert!(
        tokio::time::timeout(PATIENCE, waited).await.is_ok(),
        "{what}"
    );
}

/// Everything in the log but that calls came in.
fn deeds(simulator: &Simulator) -> Vec<What> {
    let log = simulator.log().into_iter().map(|line| line.what);
    log.filter(|what| !matches!(what, What::Received { .. }))
        .collect()
}

const STAGE: &str = "positionerName=VirtualStage";

#[tokio::test]
async fn the_log_says_what_came_and_what_it_did_in_one_order() {
    let simulator = start(SimulatorOptions::default()).await;
    let go =
        format!("PositionerController/movePositioner?{STAGE}&axis=Y&dist=5000&isAbsolute=true");
    get(&simulator, &go).await;
    get(
        &simulator,
        "LaserController/setLaserValue?laserName=LED&value=7",
    )
    .await;
    get(
        &simulator,
        "LaserController/setLaserActive?laserName=LED&active=false",
    )
    .await;
    get(
        &simulator,
        &format!("PositionerController/stopAllAxes?{STAGE}"),
    )
    .await;
    let log = simulator.log();
    let (post, body) = (false, String::new());
    let received = What::Received {
        post,
        call: go,
        body,
    };
    assert_eq!((log[0].call, &log[0].what), (1, &received));
    let axis = "Y";
    let (from_um, to_um) = (0.0, 5_000.0);
    let light = "LED";
    let expected = [
        What::Moves {
            axis,
            from_um,
            to_um,
        },
        What::Level { light, value: 7.0 },
        What::Switched { light, on: false },
    ];
    let deeds = deeds(&simulator);
    assert_eq!(deeds[..3], expected);
    assert_eq!(simulator.light("LED"), Some((7.0, false)));
    let at_um = simulator.position_um("Y").unwrap();
    assert!(at_um > 0.0 && at_um < 5_000.0 && !simulator.is_moving());
    assert!(deeds[3..].contains(&What::Stops { axis, at_um }));
    assert!(log.windows(2).all(|pair| pair[0].at <= pair[1].at));
}

#[tokio::test]
async fn a_stage_that_can_home_says_how_it_goes() {
    let simulator = start(SimulatorOptions {
        homes: true,
        ..SimulatorOptions::default()
    })
    .await;
    let mut client = Client::connect(&simulator, Dialect::Modern).await;
    let home = format!("PositionerController/homeAxis?{STAGE}&axis=X");
    let status = "PositionerController/getHomingStatus";
    get(
        &simulator,
        &format!("PositionerController/movePositioner?{STAGE}&axis=X&dist=400"),
    )
    .await;
    until("it moves", || simulator.position_um("X") == Some(400.0)).await;

    get(&simulator, &home).await;
    assert_eq!(client.signal("sigHomingState").await["p0"]["active"], true);
    get(
        &simulator,
        &format!("PositionerController/stopAllAxes?{STAGE}"),
    )
    .await;
    assert_eq!(
        client.signal("sigHomingState").await["p0"]["cancelled"],
        true
    );
    assert_eq!(get(&simulator, status).await["hasHomedSinceStartup"], false);

    get(&simulator, &home).await;
    assert_eq!(client.signal("sigHomingState").await["p0"]["active"], true);
    let done = client.signal("sigHomingState").await["p0"].clone();
    assert_eq!(
        (&done["active"], &done["phase"]),
        (&false.into(), &"done".into())
    );
    assert_eq!(get(&simulator, status).await["hasHomedSinceStartup"], true);
    assert_eq!(simulator.position_um("X"), Some(0.0));
}

#[tokio::test]
async fn pictures_and_recordings_are_names_that_say_simulated() {
    let simulator = start(SimulatorOptions::default()).await;
    let snapped = get(
        &simulator,
        "RecordingController/snapImageToPath?fileName=cell",
    )
    .await;
    let path = snapped["fullPath"].as_str().unwrap();
    assert!(path.contains("SIMULATED") && path.contains("cell_WidefieldCamera"));

    let exposure = "SettingsController/setDetectorExposureTime?detectorName=WidefieldCamera";
    get(&simulator, &format!("{exposure}&exposureTime=60000")).await;
    let job = get(&simulator, "RecordingController/startSnap?fileName=long").await;
    assert_eq!(job["status"], "pending");
    let status = "RecordingController/getSnapStatus";
    assert_eq!(get(&simulator, status).await["status"], "pending");
    get(&simulator, "RecordingController/cancelSnap").await;
    assert_eq!(get(&simulator, status).await["status"], "cancelled");
    get(&simulator, &format!("{exposure}&exposureTime=1")).await;
    get(&simulator, "RecordingController/startSnap?fileName=short").await;
    let done = loop {
        let told = get(&simulator, status).await;
        if told["status"] != "pending" {
            break told;
        }
    };
    assert!(
        done["result"]["fullPath"]
            .as_str()
            .unwrap()
            .contains("short")
    );

    let recording = "RecordingController/getRecordingStatus";
    assert_eq!(get(&simulator, recording).await["is_recording"], false);
    get(
        &simulator,
        "RecordingController/startRecording?fileName=run",
    )
    .await;
    let runs = get(&simulator, recording).await;
    assert_eq!(runs["is_recording"], true);
    assert!(runs["filepath"].as_str().unwrap().ends_with("run"));
    get(&simulator, "RecordingController/stopRecording").await;
    assert_eq!(get(&simulator, recording).await["is_recording"], false);
}

#[tokio::test]
async fn there_is_a_matrix_only_where_one_was_asked_for() {
    for led_matrix in [false, true] {
        let simulator = start(SimulatorOptions {
            led_matrix,
            ..SimulatorOptions::default()
        })
        .await;
        let controllers = get(&simulator, "getAvailableControllers").await.to_string();
        assert_eq!(controllers.contains("LEDMatrixController"), led_matrix);
        for call in ["setIntensity?intensity=20", "setAllLEDOn"] {
            let url = format!("/api/LEDMatrixController/{call}");
            let reply = http(simulator.address(), "GET", &url, "").await;
            assert_eq!(reply.status, if led_matrix { 200 } else { 404 });
        }
        let lit = (20.0, true);
        assert_eq!(simulator.light("LEDMatrix") == Some(lit), led_matrix);
    }
}

/// Asks without waiting for an answer; the connection stays open.
async fn ask(simulator: &Simulator, call: &str) -> TcpStream {
    let mut stream = TcpStream::connect(simulator.address()).await.unwrap();
    let request = format!("GET /api/{call} HTTP/1.1\r\nHost: x\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

async fn is_answered(stream: &mut TcpStream) -> bool {
    use tokio::io::AsyncReadExt as _;
    let mut byte = [0];
    matches!(stream.read(&mut byte).await, Ok(1))
}

#[tokio::test]
async fn faults_of_commands() {
    let simulator = start(SimulatorOptions::default()).await;
    let go = |um: u32| {
        format!("PositionerController/movePositioner?{STAGE}&axis=X&isAbsolute=true&dist={um}")
    };
    let url = |um: u32| format!("/api/{}", go(um));
    let positions = "PositionerController/getPositionerPositions";
    let stop = format!("PositionerController/stopAllAxes?{STAGE}");

    for (fault, status, kind) in [
        (Fault::Rest500, 500, "text/plain; charset=utf-8"),
        (Fault::RestHtml, 200, "text/html"),
        (Fault::IgnoresMoves, 200, "application/json"),
    ] {
        simulator.set_faults(&[fault]);
        let reply = http(simulator.address(), "GET", &url(9), "").await;
        assert_eq!((reply.status, reply.content_type.as_str()), (status, kind));
        assert_eq!(get(&simulator, positions).await["VirtualStage"]["X"], 0.0);
        get(&simulator, &stop).await;
    }
    assert!(!deeds(&simulator).iter().any(What::is_motion));

    // What never answers is proved by what is answered meanwhile.
    simulator.set_faults(&[Fault::RestHang]);
    let mut hung = ask(&simulator, &go(9)).await;
    tokio::select! {
        biased;
        answered = is_answered(&mut hung) => panic!("answered: {answered}"),
        _ = get(&simulator, &stop) => {}
    }
    assert!(!deeds(&simulator).iter().any(What::is_motion));

    simulator.set_faults(&[Fault::LostMoveAnswer, Fault::NoPositionSignals]);
    let mut client = Client::connect(&simulator, Dialect::Modern).await;
    let mut hung = ask(&simulator, &go(9)).await;
    tokio::select! {
        biased;
        answered = is_answered(&mut hung) => panic!("answered: {answered}"),
        () = until("it arrives", || simulator.position_um("X") == Some(9.0)) => {}
    }

    simulator.set_faults(&[Fault::DeadStop]);
    get(&simulator, &go(50_000)).await;
    let mut hung = ask(&simulator, &stop).await;
    tokio::select! {
        biased;
        answered = is_answered(&mut hung) => panic!("answered: {answered}"),
        // The first position heard is of this move: those of the one before were withheld.
        at = client.signal("sigUpdateMotorPosition") => {
            assert!(at["p0"]["VirtualStage"]["X"].as_f64().unwrap() >= 9.0);
        }
    }
    assert!(simulator.is_moving());
}
