//! Connecting for who reads and writes a socket by hand.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpSocket, TcpStream};
use tokio::time::Instant;

use crate::sources::net::{self, Endpoint, NetError};

/// Connects before `deadline`. Small messages leave at once, and the system looks for dead
/// connections at its own intervals: those of the protocol description cannot be set from here.
/// The receive buffer is left to the system too, which lets it grow with the traffic; a size that
/// is asked for is cut to what unprivileged programs may have, and never grows.
///
/// # Errors
/// There is no connection before `deadline`.
pub(super) async fn connect(endpoint: &Endpoint, deadline: Instant) -> Result<TcpStream, NetError> {
    net::connect_tcp(endpoint, deadline, dial).await
}

async fn dial(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_nodelay(true)?;
    socket.set_keepalive(true)?;
    socket.connect(address).await
}
