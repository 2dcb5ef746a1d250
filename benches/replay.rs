//! A Socket.IO server that has everything prepared and writes as fast as the socket takes it, and
//! a reader that looks at nothing: what is left of a measurement without either side's own work.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// Serves every connection in turn, for ever: answers the hand-shakes, waits for `start`, sends
/// `count` frames of `size` bytes and `done`. Knows no acknowledgements and no heart-beat.
pub fn serve(port: u16) -> io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    for stream in listener.incoming() {
        // A connection that only asks whether somebody listens ends here.
        let _ = serve_one(stream?);
    }
    Ok(())
}

fn serve_one(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let key = header(&mut reader, "sec-websocket-key")?;
    let accept = derive_accept_key(key.as_bytes());
    write!(
        stream,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    )?;
    let open = r#"0{"sid":"s","upgrades":[],"pingTimeout":20000,"pingInterval":25000,"maxPayload":1000000}"#;
    stream.write_all(&message(TEXT, open.as_bytes()))?;
    expect(&mut reader, "40")?;
    stream.write_all(&message(TEXT, br#"40{"sid":"t"}"#))?;
    let start = expect(&mut reader, r#"42["start","#)?;
    let spec: Value = serde_json::from_str(start.trim_start_matches("42"))?;
    let (count, size) = (number(&spec[1]["count"]), number(&spec[1]["size"]));

    let mut body = vec![0xa5; size as usize];
    body[..2].copy_from_slice(b"\xff\xd8");
    body[size as usize - 2..].copy_from_slice(b"\xff\xd9");
    let picture = message(BINARY, &body);
    for seq in 0..count {
        let head = format!(
            r#"451-["frame",{{"seq":{seq},"w":640,"h":480,"fmt":"jpeg","size":{size}}},{{"_placeholder":true,"num":0}}]"#
        );
        stream.write_all(&message(TEXT, head.as_bytes()))?;
        stream.write_all(&picture)?;
    }
    stream.write_all(&message(TEXT, br#"42["done",{}]"#))?;
    io::copy(&mut reader, &mut io::sink())?;
    Ok(())
}

/// Asks a [`serve`] for `spec` and reads the bytes without looking at them, into a file if there
/// is a folder for it; one JSON report as the others give.
pub fn drain(
    port: u16,
    spec: &Value,
    dir: Option<&Path>,
    cpu: impl Fn() -> f64,
) -> io::Result<Value> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.write_all(
        b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\n\
          Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
    )?;
    for text in ["40".to_owned(), format!("42[\"start\",{spec}]")] {
        stream.write_all(&masked(text.as_bytes()))?;
    }
    let (count, size) = (number(&spec["count"]), number(&spec["size"]));
    let mut file = dir.map(|dir| File::create(dir.join("bytes"))).transpose()?;
    let mut buffer = vec![0; 256 * 1024];
    let mut left = stream.read(&mut buffer).map(|_| count * size)?;
    let (began, cpu_before) = (Instant::now(), cpu());
    while left > 0 {
        let read = stream.read(&mut buffer)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(file) = &mut file {
            file.write_all(&buffer[..read])?;
        }
        left = left.saturating_sub(read as u64);
    }
    Ok(json!({
        "frames": count,
        "fps": count as f64 / began.elapsed().as_secs_f64(),
        "cpu_per_1000": (cpu() - cpu_before) * 1000.0 / count as f64,
    }))
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

const TEXT: u8 = 1;
const BINARY: u8 = 2;

/// A whole unmasked message. Source: RFC 6455, section 5.2.
fn message(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x80 | opcode];
    match payload.len() {
        len @ 0..=125 => bytes.push(len as u8),
        len @ 126..=0xffff => {
            bytes.push(126);
            bytes.extend((len as u16).to_be_bytes());
        }
        len => {
            bytes.push(127);
            bytes.extend((len as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(payload);
    bytes
}

/// A short text as a client has to send it; a mask of zeros changes nothing.
fn masked(payload: &[u8]) -> Vec<u8> {
    let mut bytes = message(TEXT, payload);
    let head = bytes.len() - payload.len();
    bytes[1] |= 0x80;
    bytes.splice(head..head, [0; 4]);
    bytes
}

/// The client's next messages up to one that begins like this.
fn expect(reader: &mut impl Read, wanted: &str) -> io::Result<String> {
    loop {
        let mut head = [0; 2];
        reader.read_exact(&mut head)?;
        let len = match head[1] & 0x7f {
            126 => {
                let mut len = [0; 2];
                reader.read_exact(&mut len)?;
                usize::from(u16::from_be_bytes(len))
            }
            len => usize::from(len),
        };
        let mut mask = [0; 4];
        reader.read_exact(&mut mask)?;
        let mut payload = vec![0; len];
        reader.read_exact(&mut payload)?;
        for (byte, key) in payload.iter_mut().zip(mask.iter().cycle()) {
            *byte ^= key;
        }
        let text = String::from_utf8_lossy(&payload);
        if text.starts_with(wanted) {
            return Ok(text.into_owned());
        }
    }
}

/// Reads a request's head for one field.
fn header(reader: &mut impl BufRead, name: &str) -> io::Result<String> {
    let mut value = String::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match line.trim_end().split_once(':') {
            Some((field, found)) if field.eq_ignore_ascii_case(name) => {
                found.trim().clone_into(&mut value);
            }
            Some(_) => {}
            None if line.trim().is_empty() => return Ok(value),
            None => {}
        }
    }
}
