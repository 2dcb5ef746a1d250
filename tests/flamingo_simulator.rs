//! The light-sheet simulator, seen by a client that shares no code with it.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "flamingo_simulator/client.rs"]
mod client;
#[path = "flamingo_simulator/faults.rs"]
mod faults;
#[path = "flamingo_simulator/images.rs"]
mod images;
#[path = "flamingo_simulator/lights.rs"]
mod lights;
#[path = "flamingo_simulator/stage.rs"]
mod stage;
#[path = "flamingo_simulator/workflows.rs"]
mod workflows;

use client::{Ask, Client, PATIENCE};
use tokio::net::TcpStream;
use ttyscope::simulators::flamingo::{Axis, Deed, Received, Simulator, SimulatorOptions, What};

const STATE: u32 = 0xa007;
const IDLE: i32 = 0xa002;

fn small() -> SimulatorOptions {
    SimulatorOptions {
        sensor_px: (48, 32),
        live_hz: 200.0,
        exposure_us: 1000,
        ..SimulatorOptions::default()
    }
}

async fn start(options: SimulatorOptions) -> Simulator {
    Simulator::start(options).await.unwrap()
}

/// A simulator and a client of it.
async fn both(options: SimulatorOptions) -> (Simulator, Client) {
    let simulator = start(options).await;
    let client = Client::connect(simulator.address()).await;
    (simulator, client)
}

async fn until(simulator: &Simulator, what: &str, reached: impl FnMut(&Simulator) -> bool) {
    let waited = tokio::time::timeout(PATIENCE, simulator.until(reached)).await;
    assert!(waited.is_ok(), "{what}: {:#?}", simulator.log());
}

/// What the instrument did, without what was said.
fn deeds(simulator: &Simulator) -> Vec<Deed> {
    let log = simulator.log().into_iter();
    log.filter_map(|entry| match entry.what {
        What::Did(deed) => Some(deed),
        _ => None,
    })
    .collect()
}

fn has_done(simulator: &Simulator, deed: &Deed) -> bool {
    deeds(simulator).contains(deed)
}

/// Bytes written as pairs of digits.
fn hex(text: &str) -> Vec<u8> {
    text.split_whitespace()
        .map(|pair| u8::from_str_radix(pair, 16).unwrap())
        .collect()
}

/// A message in the notation of the described vectors: its first bytes, zeros up to the end mark,
/// and what follows.
fn vector(first: &str, then: &[u8]) -> Vec<u8> {
    let mut bytes = hex(first);
    bytes.resize(124, 0);
    bytes.extend(hex("21 43 dc fe"));
    bytes.extend(then);
    bytes
}

#[tokio::test]
async fn the_described_vectors_are_answered_byte_for_byte() {
    let options = SimulatorOptions {
        sensor_px: (2048, 2048),
        speeds: [1.0, 1.0, 1.0, 500.0],
        ..SimulatorOptions::default()
    };
    let (_simulator, mut client) = both(options).await;
    let state = "54 e6 21 f3 07 a0 00 00 00 00 00 00 00 00 00 00
                 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
                 00 00 00 00 00 00 00 80";
    let idle = "54 e6 21 f3 07 a0 00 00 01 00 00 00 00 00 00 00
                00 00 00 00 00 00 00 00 02 a0 00 00 00 00 00 00
                00 00 00 00 00 00 00 80";
    client.send_bytes(&vector(state, &[])).await;
    assert_eq!(client.message().await.raw, vector(idle, &[]));

    let x = "54 e6 21 f3 08 60 00 00 00 00 00 00 00 00 00 00
             00 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00
             00 00 00 00 00 00 00 80";
    let x_is = "54 e6 21 f3 08 60 00 00 01 00 00 00 00 00 00 00
                00 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00
                00 00 00 00 00 00 00 80 aa f1 d2 4d 62 10 20 40";
    client.send_bytes(&vector(x, &[])).await;
    assert_eq!(client.message().await.raw, vector(x_is, &[]));

    let turn = "54 e6 21 f3 05 60 00 00 00 00 00 00 00 00 00 00
                00 00 00 00 00 00 00 00 04 00 00 00 00 00 00 00
                00 00 00 00 00 00 00 80 7b 14 ae 47 e1 3e 6b c0";
    let turning = "54 e6 21 f3 08 60 00 00 01 00 00 00 00 00 00 00
                   00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
                   00 00 00 00 02 00 00 00 00 00 00 00 00 00 00 00
                   00 00 00 00 31 3d 38 2e 30 33 32 30 30 30 0a 32
                   3d 32 33 2e 38 39 38 30 30 30 0a 33 3d 31 39 2e
                   37 35 33 30 30 30 0a";
    let stopped = "54 e6 21 f3 10 60 00 00 01 00 00 00 ff ff ff ff
                   00 00 00 00 00 00 00 00 04 00 00 00 00 00 00 00";
    client.send_bytes(&vector(turn, &[])).await;
    assert_eq!(client.message().await.code, 0x6005);
    assert_eq!(client.message().await.raw, vector(turning, &[]));
    loop {
        let told = client.message().await;
        if told.code == 0x6010 {
            assert_eq!(told.raw, vector(stopped, &[]));
            break;
        }
    }
    assert_eq!(client.position(4).await, -217.965);

    let size = "54 e6 21 f3 27 30 00 00 01 00 00 00 01 00 00 00
                00 00 00 00 00 00 00 00 00 08 00 00 00 08 00 00
                00 00 00 00 00 00 00 80 00 00 00 00 00 00 1a 40";
    assert_eq!(client.ask(Ask::new(0x3027)).await.raw, vector(size, &[]));
}

#[tokio::test]
async fn a_message_in_pieces_is_one_message() {
    let (_simulator, mut client) = both(small()).await;
    for byte in Ask::new(STATE).bytes() {
        client.send_bytes(&[byte]).await;
    }
    assert_eq!(client.reply().await.d0, IDLE);
    let mut two = Ask::of(0x6008, 2).bytes();
    two.extend(Ask::of(0x6008, 3).bytes());
    client.send_bytes(&two).await;
    assert_eq!(client.reply().await.number, 23.898);
    assert_eq!(client.reply().await.number, 19.753);
}

#[tokio::test]
async fn what_is_no_message_ends_the_connection() {
    let (simulator, mut client) = both(small()).await;
    client.send_bytes(&[7; 128]).await;
    assert!(client.rest().await.is_empty());
    let rubbish = What::Rubbish { connection: 1 };
    assert!(simulator.log().iter().any(|entry| entry.what == rubbish));
}

#[tokio::test]
async fn commands_that_have_no_reply_get_none() {
    let (_simulator, mut client) = both(small()).await;
    let silent = [
        0x1007,
        0x100b,
        0x1014,
        0x1015,
        0x1017,
        0x2001,
        0x2003,
        0x2005,
        0x2006,
        0x2007,
        0x3036,
        0x3042,
        0x3043,
        0x5001,
        0x6006,
        0x600a,
        0x600f,
        0x6010,
        0xa001,
        0xa002,
        0xa005,
        0x0000,
        0xffff_ffff,
        0x7008,
    ];
    for code in silent {
        client.tell(Ask::new(code)).await;
    }
    client.tell(Ask::of(0x6008, 0)).await;
    client.tell(Ask::of(0x6008, 255)).await;
    client.tell(Ask::with(0x3004, "")).await;
}

#[tokio::test]
async fn without_the_callback_bit_only_some_commands_are_answered() {
    let (simulator, mut client) = both(small()).await;
    for code in [0x1009, 0x3005, 0x3037, 0x6002, STATE] {
        let bare = Ask {
            bits: 0,
            ..Ask::new(code)
        };
        client.send(&bare).await;
        let reply = if code == 0x1009 { 0x1007 } else { code };
        let told = client.message().await;
        assert_eq!((told.code, told.bits, told.status), (reply, 0, 1));
    }
    for code in [0x3027, 0x300a, 0x2002, 0x6008] {
        client
            .tell(Ask {
                bits: 0,
                d0: 1,
                ..Ask::new(code)
            })
            .await;
    }
    // The command still does what it does.
    client
        .tell(Ask {
            bits: 0,
            ..Ask::to(1, 8.032)
        })
        .await;
    until(&simulator, "the axis has stopped", |s| {
        has_done(
            s,
            &Deed::MoveEnded {
                axis: Axis::X,
                at: 8.032,
            },
        )
    })
    .await;
}

#[tokio::test]
async fn the_settings_come_under_another_code_and_say_that_they_are_simulated() {
    let (simulator, mut client) = both(small()).await;
    let reply = client.ask(Ask::new(0x1009)).await;
    assert_eq!((reply.code, reply.status), (0x1007, 1));
    let text = String::from_utf8(reply.payload).unwrap();
    let name = format!("Microscope name = {}\n", Simulator::MICROSCOPE_NAME);
    for line in [
        name.as_str(),
        "Soft limit min x-axis = 1.000\n",
        "Hard limit max z-axis = 25.000\n",
        "Home y-axis = 23.500\n",
        "Laser 2 wave length (nm) = 488\n",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }

    let mut other = Client::connect(simulator.address()).await;
    assert_eq!(other.ask(Ask::new(STATE)).await.d0, IDLE);
    let changed = text.replace("Home y-axis = 23.500", "Home y-axis = 22.000");
    let reply = client.ask(Ask::with(0x1008, &changed)).await;
    assert_eq!((reply.code, reply.status), (0x1008, 1));
    assert_eq!(other.event(0x1007).await.payload, changed.as_bytes());
    assert_eq!(
        client.ask(Ask::new(0x1009)).await.payload,
        changed.as_bytes()
    );
    assert_eq!(client.ask(Ask::new(0x1008)).await.status, 0);
    let mounts = client.ask(Ask::new(0x1013)).await.payload;
    assert_eq!(mounts, b"/simulated/fast\n/simulated/large\n");
}

#[tokio::test]
async fn a_fourth_client_is_turned_away_until_another_leaves() {
    let simulator = start(small()).await;
    let mut clients = Vec::new();
    for _ in 0..3 {
        let mut client = Client::connect(simulator.address()).await;
        assert_eq!(client.ask(Ask::new(STATE)).await.d0, IDLE);
        clients.push(client);
    }
    let mut fourth = Client::connect(simulator.address()).await;
    assert!(fourth.rest().await.is_empty());
    assert_eq!(simulator.counters().refused, 1);
    clients.pop();
    until(&simulator, "one has left", |s| {
        let gone = |what: &What| matches!(what, What::Disconnected { connection: 3, .. });
        s.log().iter().any(|entry| gone(&entry.what))
    })
    .await;
    let mut next = Client::connect(simulator.address()).await;
    assert_eq!(next.ask(Ask::new(STATE)).await.d0, IDLE);
    assert_eq!(simulator.counters().clients, 4);
}

#[tokio::test]
async fn what_is_received_is_in_the_log() {
    let (simulator, mut client) = both(small()).await;
    let ask = Ask {
        d0: 3,
        d1: -7,
        number: 0.25,
        text: "text",
        ..Ask::with(0x3036, "twelve bytes")
    };
    client.tell(ask).await;
    let log = simulator.log().into_iter();
    let received: Vec<_> = log
        .filter_map(|entry| match entry.what {
            What::Received(received) => Some(received),
            _ => None,
        })
        .collect();
    let first = Received {
        connection: 1,
        code: 0x3036,
        status: 0,
        d0: 3,
        d1: -7,
        d2: 0,
        bits: 0x8000_0000,
        number: 0.25,
        text: "text".to_owned(),
        payload_bytes: 12,
    };
    assert_eq!((received.len(), &received[0]), (2, &first));
    assert_eq!(received[1].code, STATE);
}

#[tokio::test]
async fn stopping_the_simulator_frees_its_ports() {
    let (simulator, mut client) = both(small()).await;
    let (command, live) = (simulator.address(), simulator.live_address());
    assert_eq!(live.port(), command.port() + 1);
    assert!(command.ip().is_loopback() && live.ip().is_loopback());
    client.ask(Ask::to(1, 15.0)).await;
    simulator.stop().await;
    client.rest().await;
    assert!(TcpStream::connect(command).await.is_err());
    assert!(TcpStream::connect(live).await.is_err());
}

#[tokio::test]
async fn a_port_that_is_taken_is_an_error() {
    let first = start(small()).await;
    let options = SimulatorOptions {
        port: first.address().port(),
        ..small()
    };
    assert!(Simulator::start(options).await.is_err());
    // So is one whose neighbour is taken.
    let options = SimulatorOptions {
        port: first.address().port() - 1,
        ..small()
    };
    assert!(Simulator::start(options).await.is_err());
}
