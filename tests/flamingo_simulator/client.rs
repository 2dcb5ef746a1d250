//! A client of the light-sheet simulator that shares no code with it.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longer than anything here takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);
const CALL_BACK: u32 = 0x8000_0000;
const START: [u8; 4] = [0x54, 0xe6, 0x21, 0xf3];
const END: [u8; 4] = [0x21, 0x43, 0xdc, 0xfe];

/// What a client asks.
#[derive(Clone, Debug)]
pub struct Ask {
    pub code: u32,
    pub d0: i32,
    pub d1: i32,
    pub bits: u32,
    pub number: f64,
    pub text: &'static str,
    pub payload: Vec<u8>,
}

impl Ask {
    pub fn new(code: u32) -> Self {
        Self {
            code,
            d0: 0,
            d1: 0,
            bits: CALL_BACK,
            number: 0.0,
            text: "",
            payload: Vec::new(),
        }
    }

    pub fn of(code: u32, d0: i32) -> Self {
        Self {
            d0,
            ..Self::new(code)
        }
    }

    /// A move of an axis.
    pub fn to(axis: i32, target: f64) -> Self {
        Self {
            d0: axis,
            number: target,
            ..Self::new(0x6005)
        }
    }

    pub fn with(code: u32, payload: impl AsRef<[u8]>) -> Self {
        Self {
            payload: payload.as_ref().to_vec(),
            ..Self::new(code)
        }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut out = vec![0; 128];
        let mut put = |at: usize, bytes: &[u8]| out[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &START);
        put(4, &self.code.to_le_bytes());
        put(24, &self.d0.to_le_bytes());
        put(28, &self.d1.to_le_bytes());
        put(36, &self.bits.to_le_bytes());
        put(40, &self.number.to_le_bytes());
        put(48, &(self.payload.len() as u32).to_le_bytes());
        put(52, self.text.as_bytes());
        put(124, &END);
        out.extend(&self.payload);
        out
    }
}

/// What the server says.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    pub raw: Vec<u8>,
    pub code: u32,
    pub status: i32,
    pub hardware_id: i32,
    pub d0: i32,
    pub d1: i32,
    pub d2: i32,
    pub bits: u32,
    pub number: f64,
    pub text: String,
    pub payload: Vec<u8>,
}

impl Told {
    fn new(raw: Vec<u8>) -> Self {
        let word = |at: usize| i32::from_le_bytes(raw[at..at + 4].try_into().unwrap());
        let text = raw[52..124].split(|b| *b == 0).next().unwrap();
        Self {
            code: word(4) as u32,
            status: word(8),
            hardware_id: word(12),
            d0: word(24),
            d1: word(28),
            d2: word(32),
            bits: word(36) as u32,
            number: f64::from_le_bytes(raw[40..48].try_into().unwrap()),
            text: String::from_utf8(text.to_vec()).unwrap(),
            payload: raw[128..].to_vec(),
            raw,
        }
    }

    /// Whether the server says this on its own, whatever was asked.
    pub fn is_event(&self) -> bool {
        matches!(self.code, 0x6010 | 0x9003..=0x9008 | 0xa001..=0xa005)
            || self.bits & CALL_BACK == 0
    }
}

/// One command connection.
pub struct Client {
    stream: TcpStream,
    bytes: VecDeque<u8>,
    /// Events that came while a reply was waited for.
    pub events: VecDeque<Told>,
}

impl Client {
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            bytes: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    pub async fn send(&mut self, ask: &Ask) {
        self.send_bytes(&ask.bytes()).await;
    }

    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// The next bytes; fewer if the connection ends before.
    pub async fn take(&mut self, count: usize) -> Vec<u8> {
        while self.bytes.len() < count {
            let mut chunk = [0; 8192];
            let read = timeout(PATIENCE, self.stream.read(&mut chunk)).await;
            match read.expect("the server says something") {
                Ok(read @ 1..) => self.bytes.extend(&chunk[..read]),
                _ => break,
            }
        }
        let count = count.min(self.bytes.len());
        self.bytes.drain(..count).collect()
    }

    /// Everything until the connection ends.
    pub async fn rest(&mut self) -> Vec<u8> {
        self.take(usize::MAX).await
    }

    /// The next message, of whatever kind.
    pub async fn message(&mut self) -> Told {
        let mut raw = self.take(128).await;
        assert_eq!(raw.len(), 128, "the connection has ended: {raw:x?}");
        assert_eq!((&raw[..4], &raw[124..]), (&START[..], &END[..]), "{raw:x?}");
        let length = u32::from_le_bytes(raw[48..52].try_into().unwrap()) as usize;
        raw.extend(self.take(length).await);
        assert_eq!(raw.len(), 128 + length);
        Told::new(raw)
    }

    /// The next message that is a reply; events before it are kept.
    pub async fn reply(&mut self) -> Told {
        loop {
            let told = self.message().await;
            if !told.is_event() {
                return told;
            }
            self.events.push_back(told);
        }
    }

    /// The next event of this code, of those kept first; other events are skipped.
    pub async fn event(&mut self, code: u32) -> Told {
        loop {
            let told = match self.events.pop_front() {
                Some(told) => told,
                None => self.message().await,
            };
            if told.code == code && told.is_event() {
                return told;
            }
        }
    }

    /// Asks, and takes the next reply for the answer.
    pub async fn ask(&mut self, ask: Ask) -> Told {
        self.send(&ask).await;
        self.reply().await
    }

    /// Asks what is never answered: the server works in order, so the answer to the next question
    /// would come later.
    pub async fn tell(&mut self, ask: Ask) {
        let code = ask.code;
        self.send(&ask).await;
        let next = self.ask(Ask::new(0xa007)).await;
        assert_eq!(next.code, 0xa007, "{code:#x} was answered");
    }

    /// Moves an axis and waits until it is said to have stopped.
    pub async fn go(&mut self, axis: i32, target: f64) {
        let reply = self.ask(Ask::to(axis, target)).await;
        assert_eq!((reply.code, reply.status, reply.d0), (0x6005, 1, axis));
        let stopped = self.event(0x6010).await;
        assert_eq!((stopped.status, stopped.d0), (1, axis));
    }

    pub async fn position(&mut self, axis: i32) -> f64 {
        let reply = self.ask(Ask::of(0x6008, axis)).await;
        assert_eq!((reply.code, reply.status, reply.d0), (0x6008, 1, axis));
        reply.number
    }
}

/// One image.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    pub header: [u32; 10],
    pub pixels: Vec<u16>,
}

impl Image {
    pub fn size(&self) -> (u32, u32) {
        (self.header[1], self.header[2])
    }

    pub fn mean(&self) -> f64 {
        let sum: f64 = self.pixels.iter().map(|p| f64::from(*p)).sum();
        sum / self.pixels.len() as f64
    }
}

/// One live connection.
pub struct Viewer {
    pub stream: TcpStream,
}

impl Viewer {
    pub async fn connect(address: SocketAddr) -> Self {
        Self {
            stream: TcpStream::connect(address).await.unwrap(),
        }
    }

    /// The next header and as many pixels as it announces; `None` if the connection ends before.
    pub async fn image(&mut self) -> Option<Image> {
        let mut header = [0; 40];
        let read = timeout(PATIENCE, self.stream.read_exact(&mut header)).await;
        read.expect("a header comes").ok()?;
        let header: Vec<u32> = header
            .chunks(4)
            .map(|w| u32::from_le_bytes(w.try_into().unwrap()))
            .collect();
        let mut pixels = vec![0; header[0] as usize];
        let read = timeout(PATIENCE, self.stream.read_exact(&mut pixels)).await;
        read.expect("pixels come").ok()?;
        Some(Image {
            header: header.try_into().unwrap(),
            pixels: pixels
                .chunks(2)
                .map(|p| u16::from_le_bytes([p[0], p[1]]))
                .collect(),
        })
    }

    pub async fn next(&mut self) -> Image {
        self.image().await.expect("the connection is open")
    }
}
