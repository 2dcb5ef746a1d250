//! Asking the server whether what it pushes is true. GET alone, and only the paths of the list.

use std::time::Duration;

use bytes::Bytes;

use super::options::FleetOptions;
use crate::model::{PlainText, Stamp};
use crate::protocol::fleet::{ProbeAnswer, RestPath};
use crate::sources::net::HttpClient;

/// Time for one answer. Source: statistics-feed specification, section 5.3.
const TIME_LIMIT: Duration = Duration::from_secs(3);
/// Most bytes of one answer, from there as well.
const BODY_LIMIT_BYTES: usize = 4 * 1024 * 1024;
/// Beginning of a refusal's body that is shown.
const REFUSAL_BYTES: usize = 120;

/// Asks one server, one question at a time.
#[derive(Clone, Debug)]
pub(super) struct Asker {
    http: HttpClient,
    prefix: String,
}

/// What one probe brought.
#[derive(Debug)]
pub(super) struct Probed {
    pub(super) asked: Stamp,
    pub(super) statistics: Result<Bytes, PlainText>,
    pub(super) workers: Result<Bytes, PlainText>,
    pub(super) health: Option<Result<Bytes, PlainText>>,
}

impl Asker {
    pub(super) fn new(options: &FleetOptions) -> Self {
        let mut http = HttpClient::new(options.endpoint.clone(), options.headers.clone());
        http.time_limit = TIME_LIMIT;
        http.body_limit_bytes = BODY_LIMIT_BYTES;
        Self {
            http,
            prefix: options.prefix.clone(),
        }
    }

    /// The body of an answer, or why there is none.
    pub(super) async fn get(&self, path: RestPath) -> Result<Bytes, PlainText> {
        let target = format!("{}{}", self.prefix, path.as_str());
        let answer = self.http.get(&target).await;
        let answer = answer.map_err(|error| PlainText::from(error.to_string()))?;
        if answer.is_success() {
            return Ok(answer.body);
        }
        let head = answer.body.get(..REFUSAL_BYTES).unwrap_or(&answer.body);
        let head = PlainText::from_peer_bytes(head);
        Err(format!("{} answers {}: {head}", path.as_str(), answer.status).into())
    }

    /// One probe: the totals, then the workers, and the health where it is wanted.
    ///
    /// - `asked`: the present
    pub(super) async fn probe(self, asked: Stamp, with_health: bool) -> Probed {
        let statistics = self.get(RestPath::Statistics).await;
        // A server that does not answer the first question is not asked a second one.
        let Ok(_) = &statistics else {
            let workers = statistics.clone();
            return Probed {
                asked,
                statistics,
                workers,
                health: None,
            };
        };
        let workers = self.get(RestPath::Workers).await;
        let health = match with_health {
            true => Some(self.get(RestPath::Health).await),
            false => None,
        };
        Probed {
            asked,
            statistics,
            workers,
            health,
        }
    }
}

impl Probed {
    /// The same for the monitor; `at` is when the last answer was there.
    pub(super) fn answer(&self, at: Stamp) -> ProbeAnswer<'_> {
        ProbeAnswer {
            asked: self.asked,
            at,
            statistics: as_slice(&self.statistics),
            workers: as_slice(&self.workers),
            health: self.health.as_ref().map(as_slice),
        }
    }
}

fn as_slice(answer: &Result<Bytes, PlainText>) -> Result<&[u8], PlainText> {
    answer.as_deref().map_err(Clone::clone)
}
