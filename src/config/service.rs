//! What a recorder that runs as a service is told: where its log goes, who may ask for figures, and
//! how much of the recordings is kept.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use super::values::parse_size;

/// `log = "info"`, or the table `[log]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogConfig {
    /// What goes into the log, in the words of `tracing`'s filter.
    pub filter: Option<String>,
    /// Where it goes; by where the program runs if nothing is said.
    pub target: Option<LogTarget>,
}

/// Where the log goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogTarget {
    /// A file in the folder for logs, a new one each day.
    File,
    /// Standard error, for the system's journal: each line begins with its priority, and the
    /// journal adds the time. Source: sd-daemon(3).
    Journal,
    /// Standard error, for people.
    StandardError,
}

impl LogTarget {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::File, Self::Journal, Self::StandardError];

    /// The word in the configuration and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Journal => "journal",
            Self::StandardError => "stderr",
        }
    }

    /// The target of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|target| target.as_str() == name)
    }
}

/// The table `[metrics]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MetricsConfig {
    /// Where figures are to be had; nowhere if nothing is said.
    pub listen: Option<SocketAddr>,
    /// Whether that may be reached from other machines.
    pub allow_remote: bool,
}

impl MetricsConfig {
    /// The address for figures, as it is written.
    ///
    /// # Errors
    /// It is none, or other machines reach it and nobody said that they may.
    pub fn new(listen: &str, allow_remote: bool) -> Result<Self, String> {
        let address: SocketAddr = listen.parse().map_err(|_| {
            format!("{listen:?} is no address with a port: write for example 127.0.0.1:9464")
        })?;
        if !address.ip().is_loopback() && !allow_remote {
            return Err(format!(
                "other machines reach {address}, and anybody there could read the figures: listen \
                 on 127.0.0.1:{}, or add allow_remote = true to [metrics] if that is meant",
                address.port()
            ));
        }
        Ok(Self {
            listen: Some(address),
            allow_remote,
        })
    }
}

/// How much of the recordings is kept; all of it if nothing is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// What was finished longer ago than this goes.
    pub age: Option<Duration>,
    /// The oldest go until all together are not larger than this.
    pub total_bytes: Option<u64>,
}

/// The largest number of days that is believed: a hundred years.
const MAX_DAYS: u32 = 36_525;

impl Retention {
    /// Whether anything is ever taken away.
    pub fn is_on(&self) -> bool {
        self.age.is_some() || self.total_bytes.is_some()
    }
}

/// Days as an age.
///
/// # Errors
/// What to write instead.
pub fn parse_days(days: u32) -> Result<Duration, String> {
    if days == 0 || days > MAX_DAYS {
        return Err(format!(
            "keep_days = {days}: take 1 to {MAX_DAYS}, or leave it out to keep all"
        ));
    }
    Ok(Duration::from_secs(u64::from(days) * 86_400))
}

/// A size that is kept.
///
/// # Errors
/// What to write instead.
pub(super) fn keep_total(text: &str) -> Result<u64, String> {
    parse_size(text).map_err(|problem| format!("keep_total: {problem}"))
}

impl fmt::Display for Retention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use crate::model::size_text;
        let days = self.age.map(|age| age.as_secs() / 86_400);
        match (days, self.total_bytes) {
            (None, None) => f.write_str("all recordings are kept"),
            (Some(days), None) => write!(f, "recordings are kept for {days} days"),
            (None, Some(bytes)) => write!(f, "recordings are kept up to {}", size_text(bytes)),
            (Some(days), Some(bytes)) => write!(
                f,
                "recordings are kept for {days} days and up to {}",
                size_text(bytes)
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_for_this_machine_unless_somebody_says_otherwise() {
        for local in ["127.0.0.1:9464", "[::1]:0", "127.8.8.8:1"] {
            let config = MetricsConfig::new(local, false).unwrap();
            assert_eq!(config.listen.unwrap().to_string(), local);
        }
        for remote in ["0.0.0.0:9464", "[::]:9464", "192.0.2.1:80"] {
            let error = MetricsConfig::new(remote, false).unwrap_err();
            assert!(error.contains("allow_remote = true"), "{error}");
            assert!(MetricsConfig::new(remote, true).is_ok());
        }
        for wrong in ["", "9464", "localhost:9464", "127.0.0.1", "127.0.0.1:99999"] {
            let error = MetricsConfig::new(wrong, true).unwrap_err();
            assert!(error.contains("127.0.0.1:9464"), "{error}");
        }
    }

    #[test]
    fn days_are_some_and_not_for_ever() {
        assert_eq!(parse_days(30), Ok(Duration::from_secs(2_592_000)));
        for days in [0, MAX_DAYS + 1, u32::MAX] {
            assert!(parse_days(days).unwrap_err().contains("keep_days"));
        }
    }
}
