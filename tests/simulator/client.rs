//! A client of the simulator that shares no code with it, and how it reads what comes.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine as _;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error, Message};
use ttyscope::simulators::imswitch::{Dialect, Simulator};

/// Far longer than anything here takes, and short enough to find a hang.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// An event with its arguments, or another text message.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    Event {
        name: String,
        /// Everything behind the name; placeholders as they are.
        arguments: Vec<Value>,
        attachment: Option<Vec<u8>>,
        ack_id: Option<u64>,
    },
    Other(String),
    Closed,
}

pub struct Client {
    pub socket: WebSocketStream<TcpStream>,
}

impl Client {
    pub async fn open(address: SocketAddr) -> Result<Self, Error> {
        Self::open_at(address, "/socket.io/?EIO=4&transport=websocket").await
    }

    pub async fn open_at(address: SocketAddr, path: &str) -> Result<Self, Error> {
        let stream = TcpStream::connect(address).await.unwrap();
        let url = format!("ws://{address}{path}");
        let (socket, _) = tokio_tungstenite::client_async(url, stream).await?;
        Ok(Self { socket })
    }

    /// A client past the handshake; checks what the dialect says on the way.
    pub async fn connect(simulator: &Simulator, dialect: Dialect) -> Self {
        let mut client = Self::open(simulator.address()).await.unwrap();
        let Heard::Other(open) = client.hear().await else {
            panic!("no open packet");
        };
        let open: Value = serde_json::from_str(open.strip_prefix('0').unwrap()).unwrap();
        assert_eq!(open["upgrades"], json!([]));
        assert_eq!(open["pingInterval"], 25000);
        assert_eq!(open["maxPayload"], 1_000_000);
        client.say("40").await;
        if matches!(dialect, Dialect::Modern | Dialect::ModernLag1) {
            let Heard::Event {
                name, arguments, ..
            } = client.hear().await
            else {
                panic!("no capabilities before the connect answer");
            };
            assert_eq!(name, "server_capabilities");
            assert_eq!(arguments[0]["messagepack"], true);
        }
        let Heard::Other(answer) = client.hear().await else {
            panic!("no connect answer");
        };
        assert!(answer.starts_with("40{\"sid\":\""), "{answer}");
        client
    }

    pub async fn say(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    pub async fn acknowledge(&mut self, id: impl Into<Value>) {
        let id: Value = id.into();
        self.say(&format!("42[\"frame_ack\",{{\"frame_id\":{id}}}]"))
            .await;
    }

    pub async fn message(&mut self) -> Option<Message> {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.socket.next());
            match message.await.expect("nothing came") {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(message)) => return Some(message),
            }
        }
    }

    pub async fn hear(&mut self) -> Heard {
        let text = match self.message().await {
            None => return Heard::Closed,
            Some(Message::Text(text)) => text.to_string(),
            Some(other) => panic!("a stray {other:?}"),
        };
        let (rest, binary) = if let Some(rest) = text.strip_prefix("42") {
            (rest, false)
        } else if let Some(rest) = text.strip_prefix("451-") {
            (rest, true)
        } else {
            return Heard::Other(text);
        };
        let (ack_id, array) = rest.split_at(rest.find('[').unwrap());
        let array: Vec<Value> = serde_json::from_str(array).unwrap();
        let attachment = if binary {
            match self.message().await {
                Some(Message::Binary(bytes)) => Some(bytes.to_vec()),
                other => panic!("{other:?} in place of an attachment"),
            }
        } else {
            None
        };
        Heard::Event {
            name: array[0].as_str().unwrap().to_owned(),
            arguments: array[1..].to_vec(),
            attachment,
            ack_id: ack_id.parse().ok(),
        }
    }

    /// The next picture; signals on the way are skipped.
    pub async fn picture(&mut self) -> Picture {
        loop {
            let heard = self.hear().await;
            assert_ne!(heard, Heard::Closed, "closed before a picture came");
            if let Some(picture) = Picture::from(&heard) {
                return picture;
            }
        }
    }

    /// The next signal of this name: its arguments.
    pub async fn signal(&mut self, wanted: &str) -> Value {
        loop {
            let heard = self.hear().await;
            assert_ne!(heard, Heard::Closed, "closed before {wanted} came");
            if let Some((name, arguments)) = signal(&heard)
                && name == wanted
            {
                return arguments;
            }
        }
    }

    /// Ids of the pictures that were sent up to now: a signal is caused, and behind it nothing
    /// that was sent before can come.
    pub async fn ids_so_far(&mut self, simulator: &Simulator) -> Vec<u64> {
        static MARK: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
        let mark = MARK.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        get(
            simulator,
            &format!("LaserController/setLaserValue?laserName=LED&value={mark}"),
        )
        .await;
        let mut ids = Vec::new();
        loop {
            let heard = self.hear().await;
            if let Some(picture) = Picture::from(&heard) {
                ids.push(picture.id.unwrap());
            } else if let Some((name, arguments)) = signal(&heard)
                && name == "sigAttributeSet"
                && arguments["p1"] == mark
            {
                return ids;
            }
        }
    }
}

/// What is common to pictures in every dialect.
#[derive(Debug)]
pub struct Picture {
    pub id: Option<u64>,
    pub detector: String,
    pub metadata: BTreeMap<String, Value>,
    /// The packet or the JPEG file.
    pub body: Vec<u8>,
    pub ack_id: Option<u64>,
}

impl Picture {
    pub fn from(heard: &Heard) -> Option<Self> {
        let Heard::Event {
            name,
            arguments,
            attachment,
            ack_id,
        } = heard
        else {
            return None;
        };
        match (name.as_str(), attachment) {
            ("frame", Some(body)) if body.starts_with(b"UC2F") => {
                let metadata = arguments[0].get(0).and_then(Value::as_object);
                let metadata: BTreeMap<String, Value> =
                    metadata.cloned().unwrap_or_default().into_iter().collect();
                Some(Self {
                    id: metadata.get("image_id").and_then(Value::as_u64),
                    detector: text(metadata.get("detectorname")),
                    metadata,
                    body: body.clone(),
                    ack_id: *ack_id,
                })
            }
            ("frame", Some(body)) => {
                let map = unpack(body)?;
                let metadata: BTreeMap<String, Value> =
                    map["metadata"].as_object()?.clone().into_iter().collect();
                let body = match (&map["data"], &map["image"]) {
                    (Value::String(hex), _) => unhex(hex),
                    (_, Value::String(image)) => decode(image),
                    other => panic!("no picture in {other:?}"),
                };
                Some(Self {
                    id: metadata["frame_id"].as_u64(),
                    detector: text(metadata.get("detector_name")),
                    metadata,
                    body,
                    ack_id: *ack_id,
                })
            }
            ("signal", None) => {
                let inner: Value = serde_json::from_str(arguments[0].as_str()?).unwrap();
                let metadata: BTreeMap<String, Value> =
                    inner.as_object()?.clone().into_iter().collect();
                (inner["name"] == "sigUpdateImage").then(|| Self {
                    id: inner["image_id"].as_u64(),
                    detector: text(metadata.get("detectorname")),
                    body: decode(inner["image"].as_str().unwrap()),
                    metadata,
                    ack_id: *ack_id,
                })
            }
            _ => None,
        }
    }

    pub fn size(&self) -> (u32, u32) {
        let word = |at: usize| u32::from_le_bytes(self.body[at..at + 4].try_into().unwrap());
        (word(8), word(12))
    }
}

pub fn text(value: Option<&Value>) -> String {
    value.and_then(Value::as_str).unwrap_or_default().to_owned()
}

pub fn decode(base64: &str) -> Vec<u8> {
    base64::engine::general_purpose::STANDARD
        .decode(base64)
        .unwrap()
}

pub fn unhex(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2);
    digits
        .map(|d| u8::from_str_radix(std::str::from_utf8(d).unwrap(), 16).unwrap())
        .collect()
}

/// A MessagePack map as JSON, binary values as hexadecimal text; `None` if it ends early.
pub fn unpack(mut bytes: &[u8]) -> Option<Value> {
    fn plain(value: rmpv::Value) -> Value {
        match value {
            rmpv::Value::Nil => Value::Null,
            rmpv::Value::Boolean(on) => on.into(),
            rmpv::Value::Integer(number) => match number.as_u64() {
                Some(number) => number.into(),
                None => number.as_i64().into(),
            },
            rmpv::Value::F32(number) => number.into(),
            rmpv::Value::F64(number) => number.into(),
            rmpv::Value::String(text) => text.as_str().unwrap().into(),
            rmpv::Value::Binary(bytes) => bytes
                .iter()
                .map(|b| format!("{b:02x}"))
                .collect::<String>()
                .into(),
            rmpv::Value::Array(items) => items.into_iter().map(plain).collect(),
            rmpv::Value::Map(map) => map
                .into_iter()
                .map(|(key, value)| (key.as_str().unwrap().to_owned(), plain(value)))
                .collect::<serde_json::Map<_, _>>()
                .into(),
            rmpv::Value::Ext(..) => panic!("no such thing is sent"),
        }
    }
    rmpv::decode::read_value(&mut bytes).ok().map(plain)
}

/// Name and arguments of a signal in either encoding.
pub fn signal(heard: &Heard) -> Option<(String, Value)> {
    let Heard::Event {
        name,
        arguments,
        attachment,
        ..
    } = heard
    else {
        return None;
    };
    let map = match (name.as_str(), attachment) {
        ("signal_msgpack", Some(bytes)) => unpack(bytes)?,
        ("signal", None) => serde_json::from_str(arguments[0].as_str()?).ok()?,
        _ => return None,
    };
    let name = map.get("name").or_else(|| map.get("signal"))?;
    Some((name.as_str()?.to_owned(), map["args"].clone()))
}

pub struct Reply {
    pub status: u16,
    pub content_type: String,
    pub body: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| self.body.as_str().into())
    }
}

pub async fn http(address: SocketAddr, method: &str, path: &str, body: &str) -> Reply {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_string(&mut answer));
    read.await.expect("no answer").unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let content_type = head.lines().find_map(|line| {
        line.to_ascii_lowercase()
            .strip_prefix("content-type: ")
            .map(str::to_owned)
    });
    Reply {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        content_type: content_type.unwrap_or_default(),
        body: body.to_owned(),
    }
}

pub async fn get(simulator: &Simulator, call: &str) -> Value {
    let reply = http(simulator.address(), "GET", &format!("/api/{call}"), "").await;
    assert_eq!(reply.status, 200, "{call}: {}", reply.body);
    reply.json()
}

pub async fn post(simulator: &Simulator, call: &str, body: Value) -> Value {
    let path = format!("/api/{call}");
    let reply = http(simulator.address(), "POST", &path, &body.to_string()).await;
    assert_eq!(reply.status, 200, "{call}: {}", reply.body);
    reply.json()
}
