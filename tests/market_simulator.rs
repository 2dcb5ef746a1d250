//! The simulated venues by their wire alone: a plain WebSocket and plain HTTP, no code of ours.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};
use ttyscope::simulators::market::{Fault, Simulator, SimulatorOptions, Venue};

const PATIENCE: Duration = Duration::from_secs(30);

async fn simulator(rate_hz: f64) -> Simulator {
    let options = SimulatorOptions {
        rate_hz,
        heartbeat: Duration::from_millis(20),
        ..SimulatorOptions::default()
    };
    Simulator::start(options).await.unwrap()
}

struct Client(WebSocketStream<TcpStream>);

impl Client {
    async fn open(simulator: &Simulator, path: &str) -> Self {
        let address = simulator.address();
        let stream = TcpStream::connect(address).await.unwrap();
        let url = format!("ws://{address}{path}");
        let (socket, _) = client_async(url, stream).await.unwrap();
        Self(socket)
    }

    async fn say(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// The next text that holds `part`.
    async fn hear(&mut self, part: &str) -> String {
        let wait = async {
            loop {
                match self.0.next().await.unwrap().unwrap() {
                    Message::Text(text) if text.contains(part) => return text.to_string(),
                    _ => {}
                }
            }
        };
        let heard = timeout(PATIENCE, wait).await;
        heard.unwrap_or_else(|_| panic!("nothing with {part}"))
    }
}

/// Status line and body.
async fn get(simulator: &Simulator, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(simulator.address()).await.unwrap();
    let ask = format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    stream.write_all(ask.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_lowercase(), body.to_owned())
}

#[tokio::test]
async fn equal_seeds_and_steps_make_equal_books() {
    let (one, other) = (simulator(0.0).await, simulator(0.0).await);
    for _ in 0..200 {
        one.step(Venue::Kraken, "BTC/USD");
        other.step(Venue::Kraken, "BTC/USD");
    }
    let book = |simulator: &Simulator| simulator.book(Venue::Kraken, "BTC/USD", 40).unwrap();
    assert_eq!(book(&one), book(&other));
    one.step(Venue::Kraken, "BTC/USD");
    assert_ne!(book(&one), book(&other));
}

#[tokio::test]
async fn kraken_refuses_what_the_venue_refuses() {
    let simulator = simulator(20.0).await;
    let mut client = Client::open(&simulator, "/kraken/v2").await;
    client.hear(r#""system":"online""#).await;
    let subscribe = |symbol: &str, depth: u16| {
        format!(
            r#"{{"method":"subscribe","params":{{"channel":"book","symbol":["{symbol}"],"depth":{depth},"snapshot":true}},"req_id":7}}"#
        )
    };
    client.say(&subscribe("XBT/USD", 10)).await;
    client.hear("Currency pair not supported XBT/USD").await;
    client.say(&subscribe("BTC/USD", 11)).await;
    client.hear("Subscription depth not supported").await;
    client.say(&subscribe("BTC/USD", 10)).await;
    client.hear(r#""success":true"#).await;
    let snapshot = client.hear(r#""type":"snapshot""#).await;
    let snapshot: Value = serde_json::from_str(&snapshot).unwrap();
    assert_eq!(snapshot["data"][0]["bids"].as_array().unwrap().len(), 10);
    client.say(&subscribe("BTC/USD", 10)).await;
    client.hear("Already subscribed").await;
    client.hear(r#""type":"update""#).await;
    client.say(r#"{"method":"ping","req_id":9}"#).await;
    client.hear(r#""method":"pong","req_id":9"#).await;
    simulator.pause();
    client.hear(r#""channel":"heartbeat""#).await;
}

#[tokio::test]
async fn binance_numbers_its_changes_without_a_hole_and_pings() {
    let simulator = simulator(50.0).await;
    let path = "/binance/stream?streams=btcusdt@depth@100ms/nobody@depth";
    let mut client = Client::open(&simulator, path).await;
    let mut last = None;
    for _ in 0..20 {
        let update: Value = serde_json::from_str(&client.hear("depthUpdate").await).unwrap();
        let (first, end) = (&update["data"]["U"], &update["data"]["u"]);
        assert!(last.is_none_or(|last| first.as_u64() == Some(last + 1)));
        last = end.as_u64();
    }
    let (head, body) = get(&simulator, "/binance/api/v3/depth?symbol=BTCUSDT&limit=5").await;
    assert!(head.contains("server: ttyscope-simulator"), "{head}");
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["bids"].as_array().unwrap().len(), 5);
    assert!(body["lastUpdateId"].as_u64() >= last);
    let (head, body) = get(&simulator, "/binance/api/v3/depth?symbol=NOPE").await;
    assert!(
        head.starts_with("http/1.1 400") && body.contains("-1121"),
        "{body}"
    );
    client.say(r#"{"method":"SUBSCRIBER","id":8}"#).await;
    client.hear(r#""code":2"#).await;
    let ping =
        async { while !matches!(client.0.next().await.unwrap().unwrap(), Message::Ping(_)) {} };
    timeout(PATIENCE, ping).await.unwrap();
}

#[tokio::test]
async fn coinbase_numbers_every_frame_of_a_connection() {
    let simulator = simulator(50.0).await;
    let mut client = Client::open(&simulator, "/coinbase/").await;
    client
        .say(r#"{"type":"subscribe","channel":"heartbeats"}"#)
        .await;
    client
        .say(r#"{"type":"subscribe","channel":"level2","product_ids":["BTC-USD","ETH-USD"]}"#)
        .await;
    let mut kinds = std::collections::BTreeSet::new();
    for number in 0..60 {
        let frame: Value = serde_json::from_str(&client.hear("sequence_num").await).unwrap();
        assert_eq!(frame["sequence_num"], number);
        kinds.insert(frame["channel"].to_string());
    }
    assert_eq!(kinds.len(), 3, "{kinds:?}");
}

#[tokio::test]
async fn coinbase_exchange_wants_a_key_for_level2_alone() {
    let simulator = simulator(20.0).await;
    let mut client = Client::open(&simulator, "/coinbase-exchange/").await;
    client
        .say(r#"{"type":"subscribe","product_ids":["BTC-USD"],"channels":["level2"]}"#)
        .await;
    client.hear("now require authentication").await;
    client
        .say(r#"{"type":"subscribe","product_ids":["BTC-USD"],"channels":["level2_batch","heartbeat"]}"#)
        .await;
    client.hear(r#""name":"level2_50""#).await;
    client.hear(r#""type":"snapshot""#).await;
    client.hear(r#""type":"l2update""#).await;
    client.hear(r#""type":"heartbeat""#).await;
}

#[tokio::test]
async fn okx_chains_its_ids_and_answers_ping_in_plain_text() {
    let simulator = simulator(50.0).await;
    let mut client = Client::open(&simulator, "/okx/ws/v5/public").await;
    client.say("ping").await;
    assert_eq!(client.hear("pong").await, "pong");
    let subscribe = |symbol: &str| {
        format!(
            r#"{{"id":"1","op":"subscribe","args":[{{"channel":"books","instId":"{symbol}"}}]}}"#
        )
    };
    client.say(&subscribe("NOPE-USDT")).await;
    client.hear("60018").await;
    client.say(&subscribe("BTC-USDT")).await;
    client.hear(r#""event":"subscribe""#).await;
    let mut last = None;
    for _ in 0..20 {
        let frame: Value = serde_json::from_str(&client.hear("seqId").await).unwrap();
        let data = &frame["data"][0];
        assert_eq!(data["prevSeqId"].as_i64(), last.or(Some(-1)));
        last = data["seqId"].as_i64();
    }
}

#[tokio::test]
async fn finnhub_wants_its_key_once() {
    let simulator = simulator(50.0).await;
    let (head, _) = get(&simulator, "/finnhub/?token=simulated").await;
    assert!(head.starts_with("http/1.1 404"), "{head}");
    let mut client = Client::open(&simulator, "/finnhub/?token=simulated").await;
    client
        .say(r#"{"type":"subscribe","symbol":"BINANCE:BTCUSDT"}"#)
        .await;
    let trade: Value = serde_json::from_str(&client.hear(r#""type":"trade""#).await).unwrap();
    assert!(trade["data"][0]["p"].is_number());
    // A second connection with the key drops both.
    let mut second = Client::open(&simulator, "/finnhub/?token=simulated").await;
    for client in [&mut client, &mut second] {
        let end = async { while let Some(Ok(_)) = client.0.next().await {} };
        timeout(PATIENCE, end).await.unwrap();
    }
}

#[tokio::test]
async fn a_limit_has_its_status_and_says_how_long() {
    let simulator = simulator(0.0).await;
    simulator.set_faults(&[Fault::RateLimit { status: 418 }.into()]);
    let (head, _) = get(&simulator, "/okx/api/v5/market/books?instId=BTC-USDT").await;
    assert!(head.starts_with("http/1.1 418"), "{head}");
    assert!(head.contains("retry-after: 1"), "{head}");
}
