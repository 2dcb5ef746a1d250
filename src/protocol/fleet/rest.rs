//! What may be asked of the server over HTTP. This is the whole list: servers of this kind have
//! other paths that start, stop and configure, and one that answers with credentials.

/// A path that is asked with GET and changes nothing. Source: statistics-feed specification,
/// section 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RestPath {
    /// Whether the loop runs, and the server's time.
    Health,
    /// The totals.
    Statistics,
    /// The workers.
    Workers,
    /// Old lines of the log.
    Logs,
}

impl RestPath {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Health, Self::Statistics, Self::Workers, Self::Logs];

    /// Path and query.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Health => "/api/health",
            Self::Statistics => "/api/statistics",
            Self::Workers => "/api/instances",
            Self::Logs => "/api/logs?lines=1000",
        }
    }
}
