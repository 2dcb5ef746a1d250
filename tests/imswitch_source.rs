//! The ImSwitch source against the simulator, over real sockets on loopback.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "support/tls.rs"]
mod tls;

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use ttyscope::control::{Intake, StopBoard, StopReporter};
use ttyscope::model::{
    Clock, Command, CommandId, Frame, LinkState, Payload, Reading, Request, Sample, SourceId,
};
use ttyscope::pipeline::{DiskItem, DiskLane, DiskReceiver, Pipeline};
use ttyscope::simulators::imswitch::{Dialect, Fault, Simulator, SimulatorOptions};
use ttyscope::sources::imswitch::{ImSwitchOptions, Patience, run};
use ttyscope::sources::net::{Endpoint, TlsOptions};
use ttyscope::sources::reconnect::Backoff;

/// Far longer than anything here takes, and short enough to find a hang.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running source whose every sample is seen, in order.
struct Watched {
    pipeline: Pipeline,
    samples: mpsc::UnboundedReceiver<Sample>,
    seen: Vec<Sample>,
    requests: mpsc::Sender<Request>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Watched {
    fn start(options: ImSwitchOptions) -> Self {
        let (disk, receiver) = DiskLane::new(64 << 20);
        let (tell, samples) = mpsc::unbounded_channel();
        receiver.set_taking(true);
        std::thread::spawn(move || drain(&receiver, &tell));
        Self::with_disk(options, disk, samples)
    }

    fn with_disk(
        options: ImSwitchOptions,
        disk: DiskLane,
        samples: mpsc::UnboundedReceiver<Sample>,
    ) -> Self {
        let pipeline = Pipeline::new(Clock::system(), 1, Some(disk), None);
        let board = StopBoard::new(Clock::system(), 1);
        let (requests, intake) = Intake::new(&board, SourceId(0), 8, StopReporter::new().0);
        let stop = CancellationToken::new();
        let task = tokio::spawn(run(
            options,
            pipeline.outlet(SourceId(0)),
            intake,
            stop.clone(),
        ));
        Self {
            pipeline,
            samples,
            seen: Vec::new(),
            requests,
            stop,
            task,
        }
    }

    async fn ask(&self, command: Command) {
        let request = Request {
            id: CommandId(1),
            command,
            operator: "test".into(),
            stop_number: 0,
        };
        self.requests.send(request).await.unwrap();
    }

    /// Waits for a payload and returns it; what came before is skipped.
    async fn until(&mut self, what: &str, wanted: impl Fn(&Payload) -> bool) -> Payload {
        let found = tokio::time::timeout(PATIENCE, async {
            loop {
                let sample = self.samples.recv().await.unwrap();
                self.seen.push(sample.clone());
                if wanted(&sample.payload) {
                    return sample.payload;
                }
            }
        });
        match found.await {
            Ok(payload) => payload,
            Err(_) => panic!("no {what}; there was {:#?}", self.summary()),
        }
    }

    /// Everything seen that is no picture, for a failed test's reader.
    fn summary(&self) -> Vec<String> {
        let payloads = self.seen.iter().map(|sample| &sample.payload);
        payloads
            .map(|payload| match payload {
                Payload::Frame(frame) => format!("frame {:?}", frame.number),
                other => format!("{other:?}"),
            })
            .collect()
    }

    /// Waits until it is known what the server can be asked for.
    async fn offers(&mut self) {
        self.until(
            "offers",
            |p| matches!(p, Payload::Instrument(it) if !it.offers.is_empty()),
        )
        .await;
    }

    async fn frame(&mut self) -> Frame {
        match self
            .until("frame", |p| matches!(p, Payload::Frame(_)))
            .await
        {
            Payload::Frame(frame) => frame,
            _ => unreachable!(),
        }
    }

    async fn link(&mut self, word: &str) {
        self.until(
            word,
            |p| matches!(p, Payload::Link(link) if link.word() == word),
        )
        .await;
    }

    async fn reading(&mut self, name: &str) -> Reading {
        let is_wanted = |reading: &Reading| reading.name.as_str() == name;
        let payload = self
            .until(
                name,
                |p| matches!(p, Payload::Readings(all) if all.iter().any(is_wanted)),
            )
            .await;
        match payload {
            Payload::Readings(all) => all.into_iter().find(is_wanted).unwrap(),
            _ => unreachable!(),
        }
    }

    fn seen_reading(&self, name: &str) -> Option<Reading> {
        let all = self.seen.iter().filter_map(|sample| match &sample.payload {
            Payload::Readings(readings) => Some(readings),
            _ => None,
        });
        all.flatten()
            .find(|reading| reading.name.as_str() == name)
            .cloned()
    }

    fn seen_links(&self) -> Vec<&'static str> {
        let links = self.seen.iter().filter_map(|sample| match &sample.payload {
            Payload::Link(link) => Some(link.word()),
            _ => None,
        });
        links.collect()
    }

    async fn text(&mut self, part: &str) {
        self.until(part, |payload| match payload {
            Payload::Log(line) => line.text.contains(part),
            Payload::Fault(fault) => fault.text.contains(part),
            Payload::Command(report) => report
                .detail
                .as_ref()
                .is_some_and(|text| text.contains(part)),
            _ => false,
        })
        .await;
    }

    /// Ends the source and returns when it has ended.
    async fn end(mut self) {
        self.stop.cancel();
        self.link("ended").await;
        tokio::time::timeout(PATIENCE, self.task)
            .await
            .unwrap()
            .unwrap();
        let book = self.pipeline.ledger().snapshot().source(SourceId(0));
        for lane in &book.lanes {
            assert_eq!(lane.residue(), 0);
        }
    }
}

fn drain(receiver: &DiskReceiver, tell: &mpsc::UnboundedSender<Sample>) {
    loop {
        if let Some(DiskItem::Record { sample, ticket, .. }) =
            receiver.recv(Duration::from_millis(50))
        {
            if let Some(ticket) = ticket {
                ticket.written();
            }
            if tell.send(sample).is_err() {
                return;
            }
        } else if tell.is_closed() {
            return;
        }
    }
}

async fn simulator(options: SimulatorOptions) -> Simulator {
    Simulator::start(SimulatorOptions {
        sensor_px: (48, 32),
        ..options
    })
    .await
    .unwrap()
}

fn options(port: u16) -> ImSwitchOptions {
    let mut options = ImSwitchOptions::new(Endpoint::plain("127.0.0.1", port));
    options.backoff = Backoff {
        base: Duration::from_millis(20),
        cap: Duration::from_millis(100),
        reset_after: Duration::from_secs(5),
    };
    options
}

fn impatient(port: u16) -> ImSwitchOptions {
    let mut options = options(port);
    options.patience = Patience {
        frame: Duration::from_millis(400),
        diagnostics: Duration::from_millis(100),
        ..Patience::default()
    };
    options
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_dialect_brings_pictures_and_positions() {
    for dialect in Dialect::ALL {
        let server = simulator(SimulatorOptions {
            dialect,
            ..SimulatorOptions::default()
        })
        .await;
        let mut source = Watched::start(options(server.address().port()));
        let wanted = dialect.name().split('-').next().unwrap();
        let mut frames = Vec::new();
        while frames.len() < 12 {
            frames.push(source.frame().await);
        }
        let found = source.seen_reading("server/dialect").unwrap();
        assert_eq!(found.value, wanted.into(), "{dialect}");
        let links: Vec<&str> = source.seen_links();
        assert_eq!(links, ["connecting", "connected", "live"], "{dialect}");
        if source.seen_reading("server/detectors").is_none() {
            source.reading("server/detectors").await;
        }
        assert!(
            frames
                .iter()
                .any(|f| f.detector.as_str() == "WidefieldCamera")
        );
        // The numbers of a connection have no holes; older dialects do not number, or also count
        // what finds no ready client.
        if wanted == "modern" {
            let lost: u64 = frames.iter().map(|frame| frame.lost_before).sum();
            assert_eq!(lost, 0, "{dialect}");
        }
        source.end().await;
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_state_is_read_at_the_start_and_on_request() {
    let server = simulator(SimulatorOptions {
        live: false,
        ..SimulatorOptions::default()
    })
    .await;
    let mut source = Watched::start(options(server.address().port()));
    for round in 0..2 {
        source.reading("server/detectors").await;
        let idle = source.reading("camera/WidefieldCamera/streaming").await;
        assert_eq!(idle.value, false.into(), "round {round}");
        let position = source.reading("stage/VirtualStage/X").await;
        assert_eq!(position.unit, "um", "round {round}");
        source.reading("camera/WidefieldCamera/exposure").await;
        source.ask(Command::Refresh).await;
    }
    source.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_live_view_is_started_and_only_our_own_is_stopped() {
    let server = simulator(SimulatorOptions {
        live: false,
        ..SimulatorOptions::default()
    })
    .await;
    let port = server.address().port();
    let mut source = Watched::start(impatient(port));
    source.offers().await;
    source.ask(Command::StopLiveView).await;
    source.text("none of those running was started here").await;
    source.ask(Command::StartLiveView { protocol: None }).await;
    source.text("live view started of WidefieldCamera").await;
    source.frame().await;
    source.reading("server/WidefieldCamera/fps_emit").await;

    let mut other = Watched::start(options(port));
    other.offers().await;
    other.ask(Command::StartLiveView { protocol: None }).await;
    other.text("a live view runs already (binary)").await;
    other.ask(Command::StopLiveView).await;
    other.text("none of those running was started here").await;
    other.end().await;

    source.ask(Command::StopLiveView).await;
    source.text("live view stopped of WidefieldCamera").await;
    source.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_live_view_of_old_releases_is_one_switch() {
    for dialect in [Dialect::Raw, Dialect::Json] {
        let server = simulator(SimulatorOptions {
            dialect,
            live: false,
            ..SimulatorOptions::default()
        })
        .await;
        let mut source = Watched::start(options(server.address().port()));
        source.offers().await;
        source.ask(Command::StartLiveView { protocol: None }).await;
        source.text("live view started").await;
        source.frame().await;
        source.ask(Command::StopLiveView).await;
        source.text("live view stopped").await;
        source.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_pictures_are_counted_and_the_stream_goes_on() {
    let server = simulator(SimulatorOptions {
        faults: vec![
            Fault::CorruptFrame { every: 3 },
            Fault::TruncatedMsgpack { every: 7 },
        ],
        ..SimulatorOptions::default()
    })
    .await;
    let mut source = Watched::start(options(server.address().port()));
    source.text("a picture was skipped").await;
    for _ in 0..20 {
        source.frame().await;
    }
    source.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pictures_go_on_whatever_the_server_does_with_them() {
    let faults = [
        Fault::IdsOutOfOrder,
        Fault::Flood,
        Fault::EscapeText,
        Fault::LongFrames { mib: 1 },
        Fault::SlowRest {
            by: Duration::from_secs(60),
        },
    ];
    for fault in faults {
        let server = simulator(SimulatorOptions {
            faults: vec![fault],
            ..SimulatorOptions::default()
        })
        .await;
        let mut source = Watched::start(options(server.address().port()));
        let mut lost = 0;
        for _ in 0..20 {
            let frame = source.frame().await;
            assert!(!frame.detector.contains('\x1b'), "{fault:?}");
            lost += frame.lost_before;
        }
        if fault == Fault::IdsOutOfOrder {
            source.text("came after picture").await;
            assert!(lost <= 1, "{lost} pictures were called lost and came late");
        }
        source.end().await;
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_over_the_limit_ends_the_connection_and_not_the_source() {
    let server = simulator(SimulatorOptions {
        faults: vec![Fault::LongFrames { mib: 300 }],
        ..SimulatorOptions::default()
    })
    .await;
    let mut source = Watched::start(options(server.address().port()));
    source.link("connected").await;
    source.link("down").await;
    server.set_faults(&[]);
    source.frame().await;
    source.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_link_is_made_anew() {
    let server = simulator(SimulatorOptions {
        faults: vec![Fault::DropLink {
            after: Duration::from_millis(300),
        }],
        ..SimulatorOptions::default()
    })
    .await;
    let mut source = Watched::start(options(server.address().port()));
    for _ in 0..2 {
        source.link("connected").await;
        source.frame().await;
        source.link("down").await;
    }
    source.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_stands_still_is_stale_and_then_connected_anew() {
    let server = simulator(SimulatorOptions {
        faults: vec![Fault::IgnoreAcks],
        ..SimulatorOptions::default()
    })
    .await;
    let mut source = Watched::start(impatient(server.address().port()));
    source.frame().await;
    source
        .until("question", |payload| {
            matches!(payload, Payload::Link(LinkState::Stale { missing })
                if missing.contains("the server says that the stream runs"))
        })
        .await;
    source.link("down").await;
    server.set_faults(&[]);
    source.link("live").await;
    source.frame().await;
    source.end().await;
}

/// A source whose recorder took one picture and nothing since, and the server that waits for it.
async fn stuck() -> (Simulator, Watched, Recorder, u64) {
    let server = simulator(SimulatorOptions::default()).await;
    // Room for next to nothing, and nobody takes.
    let (disk, receiver) = DiskLane::new(1);
    receiver.set_taking(true);
    let (tell, samples) = mpsc::unbounded_channel();
    let source = Watched::with_disk(options(server.address().port()), disk, samples);
    let until_a_picture = std::thread::spawn(move || {
        loop {
            let item = receiver.recv(Duration::from_millis(50));
            if let Some(DiskItem::Record { sample, ticket, .. }) = item {
                if let Some(ticket) = ticket {
                    ticket.written();
                }
                if matches!(sample.payload, Payload::Frame(_)) {
                    return receiver;
                }
            }
        }
    });
    let receiver = tokio::task::spawn_blocking(|| until_a_picture.join().unwrap())
        .await
        .unwrap();
    let before = server.counters();
    tokio::time::timeout(PATIENCE, async {
        while server.counters().skipped < before.skipped + 20 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .unwrap();
    let sent = server.counters().sent - before.sent;
    (server, source, Recorder { receiver, tell }, sent)
}

/// The recorder of [`stuck`].
struct Recorder {
    receiver: DiskReceiver,
    tell: mpsc::UnboundedSender<Sample>,
}

impl Recorder {
    /// Takes from now on.
    fn take(self) {
        std::thread::spawn(move || drain(&self.receiver, &self.tell));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recorder_that_does_not_take_slows_the_stream() {
    let (_server, mut source, recorder, sent) = stuck().await;
    assert!(
        sent <= 6,
        "{sent} pictures were sent while nothing was taken"
    );

    // Once the recorder takes again everything goes on and ends in order.
    recorder.take();
    for _ in 0..10 {
        source.frame().await;
    }
    source.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_had_arrived_before_the_stop_is_recorded() {
    let (server, mut source, recorder, _) = stuck().await;
    source.stop.cancel();
    recorder.take();
    source.link("ended").await;
    // One was taken while nobody looked.
    let frames = source
        .seen
        .iter()
        .filter(|sample| matches!(sample.payload, Payload::Frame(_)));
    assert_eq!(frames.count() as u64 + 1, server.counters().sent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_is_ended_while_the_disk_hangs_balances_its_books() {
    let (_server, source, _recorder, _) = stuck().await;
    source.stop.cancel();
    source.task.abort();
    assert!(source.task.await.unwrap_err().is_cancelled());
    let book = source.pipeline.ledger().snapshot().source(SourceId(0));
    assert_eq!((book.residue(), book.total().in_flight), (0, 0), "{book:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_socket_may_be_one_port_above() {
    // Two neighbouring ports: one that refuses upgrades, and the server above it.
    let (server, below) = loop {
        let server = simulator(SimulatorOptions::default()).await;
        let port = server.address().port() - 1;
        if let Ok(below) = TcpListener::bind(("127.0.0.1", port)).await {
            break (server, below);
        }
    };
    let port = below.local_addr().unwrap().port();
    let refusing = tokio::spawn(async move {
        loop {
            let (mut socket, _) = below.accept().await.unwrap();
            let mut request = [0; 4096];
            let _ = socket.read(&mut request).await;
            let answer =
                b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            let _ = socket.write_all(answer).await;
        }
    });
    let mut source = Watched::start(options(port));
    source.text("Socket.IO side is at port").await;
    source.frame().await;
    source.end().await;
    refusing.abort();
    server.stop().await;
}

/// A server that does nothing but take TLS off and pass everything on; returns its port.
async fn behind_tls(listener: TcpListener, certificate: &str, port: u16) -> u16 {
    let acceptor = tls::acceptor(certificate, "server.key");
    let own = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (outer, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                if let Ok(mut outer) = acceptor.accept(outer).await {
                    let mut inner = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut outer, &mut inner).await;
                }
            });
        }
    });
    own
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pictures_and_state_come_over_tls_too() {
    let pinned = || TlsOptions::PrivateCa(tls::fixture("self-signed.pem"));
    let cases = [
        ("expired.pem", TlsOptions::NotVerified, "127.0.0.1", ""),
        ("self-signed.pem", pinned(), "127.0.0.1", ""),
        // What the certificate was made for does not matter where it is named itself.
        ("self-signed.pem", pinned(), "::1", "/imswitch"),
    ];
    for (certificate, checked, host, base_path) in cases {
        let server = simulator(SimulatorOptions::default()).await;
        let Ok(listener) = TcpListener::bind((host, 0)).await else {
            println!("skipped: {host} cannot be listened on here");
            continue;
        };
        let port = behind_tls(listener, certificate, server.address().port()).await;
        let mut options = options(0);
        options.endpoint = Endpoint::new(host, port, Some(checked));
        options.base_path = base_path.to_owned();
        let mut source = Watched::start(options);
        source.frame().await;
        if source.seen_reading("stage/VirtualStage/X").is_none() {
            source.reading("stage/VirtualStage/X").await;
        }
        source.end().await;
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_is_not_trusted_is_said_with_the_remedy() {
    let server = simulator(SimulatorOptions::default()).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = behind_tls(listener, "self-signed.pem", server.address().port()).await;
    let mut options = options(0);
    options.endpoint = Endpoint::new("127.0.0.1", port, Some(TlsOptions::PublicRoots));
    let mut source = Watched::start(options);
    source
        .until("remedy", |payload| {
            matches!(payload, Payload::Link(LinkState::Down { detail, .. })
                if detail.contains("?tls_verify=false") && detail.contains("?tls_ca="))
        })
        .await;
    source.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_clients_get_their_own_pictures() {
    let server = simulator(SimulatorOptions::default()).await;
    let port = server.address().port();
    let mut sources = [Watched::start(options(port)), Watched::start(options(port))];
    for source in &mut sources {
        let mut lost = 0;
        for _ in 0..20 {
            lost += source.frame().await.lost_before;
        }
        assert_eq!(lost, 0, "each connection numbers its own pictures");
    }
    for source in sources {
        source.end().await;
    }
}

/// What happens to the link, what is said of it, and that pictures come once the fault is over.
async fn said_and_survived(fault: Fault, sentence: &str) {
    let server = simulator(SimulatorOptions {
        faults: vec![fault],
        ..SimulatorOptions::default()
    })
    .await;
    let mut source = Watched::start(impatient(server.address().port()));
    source
        .until(sentence, |payload| match payload {
            Payload::Link(LinkState::Down { detail, .. }) => detail.contains(sentence),
            Payload::Link(LinkState::Stale { missing }) => missing.contains(sentence),
            _ => false,
        })
        .await;
    server.set_faults(&[]);
    source.frame().await;
    source.end().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_fails_is_said_and_survived() {
    let closed = "it closed the connection (code 1000)";
    for (fault, sentence) in [
        (Fault::Refuse, "403"),
        (Fault::CloseBeforeConnect, closed),
        (
            Fault::Silent,
            "no frame for 0 s from FocusLock, WidefieldCamera",
        ),
    ] {
        said_and_survived(fault, sentence).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stands_still_while_connected_is_said_and_survived() {
    let server = simulator(SimulatorOptions::default()).await;
    let mut source = Watched::start(impatient(server.address().port()));
    source.frame().await;
    server.set_faults(&[Fault::Stall]);
    source.link("stale").await;
    server.set_faults(&[]);
    source.link("live").await;
    source.end().await;
}
