//! What is said to the service manager that started us, if one did: datagrams to a socket that it
//! named. Source: sd_notify(3).

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;
use std::time::Duration;

use crate::model::text::printable;

/// The longest status that is sent.
const STATUS_CHARS: usize = 400;

/// The way to the service manager.
#[derive(Debug, Default)]
pub struct Manager {
    way: Option<(UnixDatagram, SocketAddr)>,
    watchdog: Option<Duration>,
}

/// Something to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// It records.
    Ready,
    /// A line for people.
    Status(String),
    /// It is alive.
    Alive,
    /// It reads its configuration again. `at` is CLOCK_MONOTONIC.
    Reloading {
        /// When that began.
        at: Duration,
    },
    /// It ends; this may take so long.
    Stopping {
        /// From now on.
        within: Duration,
    },
}

impl News {
    /// The datagram.
    fn text(&self) -> String {
        match self {
            Self::Ready => "READY=1".to_owned(),
            Self::Status(line) => {
                let line: String = line.chars().take(STATUS_CHARS).collect();
                format!("STATUS={}", printable(&line))
            }
            Self::Alive => "WATCHDOG=1".to_owned(),
            Self::Reloading { at } => format!("RELOADING=1\nMONOTONIC_USEC={}", at.as_micros()),
            Self::Stopping { within } => {
                format!("STOPPING=1\nEXTEND_TIMEOUT_USEC={}", within.as_micros())
            }
        }
    }
}

impl Manager {
    /// The manager that the environment names. One that cannot be reached is logged once.
    pub fn of_environment() -> Self {
        let Some(name) = std::env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else {
            return Self::default();
        };
        let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
        let for_us = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let watchdog = number("WATCHDOG_USEC")
            .filter(|usec| for_us && *usec > 0)
            .map(Duration::from_micros);
        match Self::at(&name, watchdog) {
            Ok(manager) => manager,
            Err(error) => {
                let name = name.to_string_lossy();
                tracing::warn!(
                    "the service manager at {} cannot be told anything: {error}",
                    printable(&name)
                );
                Self::default()
            }
        }
    }

    /// The manager that listens at `name`: a path, or `@` and a name without one.
    fn at(name: &OsStr, watchdog: Option<Duration>) -> io::Result<Self> {
        let address = match name.as_bytes() {
            [b'@', name @ ..] => abstract_address(name)?,
            [b'/', ..] => SocketAddr::from_pathname(Path::new(name))?,
            _ => {
                return Err(io::Error::other(
                    "NOTIFY_SOCKET is no path and begins with no @",
                ));
            }
        };
        let socket = UnixDatagram::unbound()?;
        // A manager that is busy must not hold the loop.
        socket.set_nonblocking(true)?;
        Ok(Self {
            way: Some((socket, address)),
            watchdog,
        })
    }

    /// How often it wants to hear that we are alive, at least; `None` if it does not.
    pub fn watchdog(&self) -> Option<Duration> {
        self.watchdog
    }

    /// Tells it something, without waiting. Whether that is done, also if there is nobody any more;
    /// not if it is too busy to listen.
    pub fn say(&self, news: &News) -> bool {
        let Some((socket, address)) = &self.way else {
            return true;
        };
        match socket.send_to_addr(news.text().as_bytes(), address) {
            Ok(_) => true,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => false,
            Err(error) => {
                tracing::debug!("the service manager was not told: {error}");
                true
            }
        }
    }
}

#[cfg(target_os = "linux")]
fn abstract_address(name: &[u8]) -> io::Result<SocketAddr> {
    use std::os::linux::net::SocketAddrExt as _;
    SocketAddr::from_abstract_name(name)
}

#[cfg(not(target_os = "linux"))]
fn abstract_address(_name: &[u8]) -> io::Result<SocketAddr> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_arrives_as_the_manual_has_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let listener = UnixDatagram::bind(&path).unwrap();
        let manager = Manager::at(path.as_os_str(), None).unwrap();
        let ms = Duration::from_millis;
        let cases = [
            (News::Ready, "READY=1"),
            (News::Alive, "WATCHDOG=1"),
            (
                News::Reloading { at: ms(12) },
                "RELOADING=1\nMONOTONIC_USEC=12000",
            ),
            (
                News::Stopping { within: ms(30_000) },
                "STOPPING=1\nEXTEND_TIMEOUT_USEC=30000000",
            ),
        ];
        for (news, datagram) in cases {
            assert!(manager.say(&news));
            let mut bytes = [0; 1024];
            let size = listener.recv(&mut bytes).unwrap();
            assert_eq!(&bytes[..size], datagram.as_bytes());
        }
        // A name of a peer says nothing in our name.
        assert!(manager.say(&News::Status("scope\nREADY=1".into())));
        let mut bytes = [0; 1024];
        let size = listener.recv(&mut bytes).unwrap();
        assert!(bytes.starts_with(b"STATUS=scope"));
        assert!(!bytes[..size].contains(&b'\n'));
    }

    #[test]
    fn a_manager_that_takes_nothing_holds_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let listener = UnixDatagram::bind(&path).unwrap();
        let manager = Manager::at(path.as_os_str(), None).unwrap();
        let told = (0..10_000)
            .take_while(|_| manager.say(&News::Alive))
            .count();
        assert!(told < 10_000, "the queue of a socket has an end");
        drop(listener);
        assert!(manager.say(&News::Ready), "nobody is there to be told");
        assert!(Manager::default().say(&News::Ready));
        assert!(Manager::at(OsStr::new("notify"), None).is_err());
    }
}
