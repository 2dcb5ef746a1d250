//! A proxy that cuts the connections of chosen calls after so many bytes.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Where the connection of a call is cut.
#[derive(Clone, Copy, Debug)]
pub enum Cut {
    /// After so many bytes of the request.
    Request(usize),
    /// After so many bytes of the answer.
    Answer(usize),
}

pub struct Proxy {
    pub port: u16,
    /// Cuts of the next calls that hold these words.
    cuts: Arc<Mutex<BTreeMap<String, Cut>>>,
    task: JoinHandle<()>,
}

impl Proxy {
    pub async fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let cuts: Arc<Mutex<BTreeMap<String, Cut>>> = Arc::default();
        let planned = Arc::clone(&cuts);
        let task = tokio::spawn(async move {
            let mut running = tokio::task::JoinSet::new();
            loop {
                let (client, _) = listener.accept().await.unwrap();
                running.spawn(carry(client, server, Arc::clone(&planned)));
            }
        });
        Self { port, cuts, task }
    }

    /// Cuts the next call that holds `words`.
    pub fn cut(&self, words: &str, cut: Cut) {
        self.cuts.lock().unwrap().insert(words.to_owned(), cut);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn carry(mut client: TcpStream, server: SocketAddr, cuts: Arc<Mutex<BTreeMap<String, Cut>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match client.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let cut = {
        let mut cuts = cuts.lock().unwrap();
        let text = String::from_utf8_lossy(&head).into_owned();
        let found = cuts.keys().find(|words| text.contains(*words)).cloned();
        found.and_then(|words| cuts.remove(&words))
    };
    let mut upstream = TcpStream::connect(server).await.unwrap();
    match cut {
        Some(Cut::Request(bytes)) => {
            let _ = upstream.write_all(&head[..bytes.min(head.len())]).await;
        }
        Some(Cut::Answer(bytes)) => {
            let _ = upstream.write_all(&head).await;
            let mut answer = Vec::new();
            let _ = upstream.read_to_end(&mut answer).await;
            let _ = client.write_all(&answer[..bytes.min(answer.len())]).await;
        }
        None => {
            let _ = upstream.write_all(&head).await;
            let _ = copy_bidirectional(&mut client, &mut upstream).await;
        }
    }
}
