//! The command port: who may connect, and one task per connection that reads and writes it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::client::{Client, Next};
use super::commands;
use super::fault::Fault;
use super::log::What;
use super::message::Message;
use super::microscope::Microscope;

/// Source: a reading of the server.
const MOST_CLIENTS: usize = 3;
/// How long what a client goes on sending is discarded after its connection was closed. A socket
/// closed with bytes unread is reset, and what was sent to the client might be lost.
const DRAIN: Duration = Duration::from_secs(1);

/// How a session ends.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// The client is gone or takes nothing.
    Gone,
    /// The server closes its side and reads what is still coming.
    Close,
}

/// Accepts clients until the simulator ends.
pub(super) async fn accept(microscope: Arc<Microscope>, listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let most = if microscope.has(Fault::RefuseSecondClient) {
                    1
                } else {
                    MOST_CLIENTS
                };
                let Some(client) = microscope.join(most) else {
                    microscope.counts.refused.fetch_add(1, Ordering::Relaxed);
                    microscope.log.touch();
                    continue;
                };
                let served = microscope.clone();
                microscope.background(async move { serve(served, client, stream).await });
            }
            Err(error) => {
                // Out of descriptors, most likely: give the others time to end.
                tracing::warn!(%error, "the simulator could not accept a client");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Leaves the simulator's list when its session ends, however it ends.
struct Membership {
    microscope: Arc<Microscope>,
    client: Arc<Client>,
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.microscope.leave(&self.client);
    }
}

async fn serve(microscope: Arc<Microscope>, client: Arc<Client>, mut stream: TcpStream) {
    let membership = Membership { microscope, client };
    // A delayed acknowledgement would be measured as a slow server.
    let _ = stream.set_nodelay(true);
    let (mut reader, mut writer) = stream.split();
    let session = Session {
        microscope: &membership.microscope,
        client: &membership.client,
    };
    let end = tokio::select! {
        end = session.read(&mut reader) => end,
        end = session.write(&mut writer) => end,
    };
    drop(membership);
    if end == End::Close && writer.shutdown().await.is_ok() {
        let mut rest = [0; 4096];
        let drained = async { while matches!(reader.read(&mut rest).await, Ok(1..)) {} };
        let _ = timeout(DRAIN, drained).await;
    }
}

struct Session<'a> {
    microscope: &'a Arc<Microscope>,
    client: &'a Arc<Client>,
}

impl Session<'_> {
    async fn read(&self, reader: &mut ReadHalf<'_>) -> End {
        let mut bytes = BytesMut::new();
        let mut chunk = vec![0; 16 << 10];
        loop {
            let room = match self.client.may_receive() {
                Some(0) => return End::Close,
                Some(left) => chunk.len().min(usize::try_from(left).unwrap_or(usize::MAX)),
                None => chunk.len(),
            };
            let read = tokio::select! {
                read = reader.read(&mut chunk[..room]) => read,
                () = self.client.recut.notified() => continue,
            };
            let Ok(count @ 1..) = read else {
                return End::Gone;
            };
            self.client.count_received(count);
            bytes.extend_from_slice(&chunk[..count]);
            loop {
                match Message::take(&mut bytes) {
                    Ok(Some(message)) => commands::receive(self.microscope, self.client, message),
                    Ok(None) => break,
                    Err(_) => {
                        let connection = self.client.number;
                        self.microscope.log.push(What::Rubbish { connection });
                        return End::Close;
                    }
                }
            }
        }
    }

    async fn write(&self, writer: &mut WriteHalf<'_>) -> End {
        loop {
            if self.client.may_send() == Some(0) {
                return End::Close;
            }
            match self.client.next(Instant::now()) {
                Next::Overflow => {
                    self.microscope.counts.cut.fetch_add(1, Ordering::Relaxed);
                    return End::Gone;
                }
                Next::Wait(until) => {
                    let due = async {
                        match until {
                            Some(until) => sleep_until(until).await,
                            None => std::future::pending().await,
                        }
                    };
                    tokio::select! {
                        () = due => {}
                        () = self.client.filled.notified() => {}
                    }
                }
                Next::Write(batch) => {
                    let length = batch.bytes.len();
                    let allowed = self.client.may_send().unwrap_or(u64::MAX);
                    let sent = length.min(usize::try_from(allowed).unwrap_or(usize::MAX));
                    if self.put(writer, &batch.bytes[..sent]).await.is_err() {
                        return End::Gone;
                    }
                    let connection = self.client.number;
                    for (end, code, d0) in batch.replies {
                        if end <= sent {
                            self.microscope.log.push(What::Replied {
                                connection,
                                code,
                                d0,
                            });
                        }
                    }
                    let counts = &self.microscope.counts;
                    counts.messages.fetch_add(batch.messages, Ordering::Relaxed);
                    self.microscope.log.touch();
                }
            }
        }
    }

    /// Writes all of it, as long as some of it is taken now and then.
    async fn put(&self, writer: &mut WriteHalf<'_>, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = timeout(self.microscope.options.client_patience, writer.write(bytes));
            let Ok(written) = written.await else {
                self.microscope.counts.cut.fetch_add(1, Ordering::Relaxed);
                return Err(io::ErrorKind::TimedOut.into());
            };
            let written = written?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.client.count_sent(written);
            bytes = &bytes[written..];
        }
        Ok(())
    }
}
