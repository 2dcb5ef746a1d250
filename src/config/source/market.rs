//! The books of a venue as they are written: `kraken:BTC/USD,ETH/USD?depth=25`.
//!
//! Keys are never among it: it names the environment variable that holds one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use url::{Url, form_urlencoded};

use super::super::measuring::Measuring;
use super::{Endpoint, SourceError, SourceKind, SourceSpec, Tls, tls_from};
use crate::protocol::market::VenueKind;
use crate::protocol::market::venues::VENUES;

/// What is read of a venue, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Market {
    /// The venue's short name.
    pub venue: &'static str,
    /// Symbols as the venue writes them, in the order written.
    pub symbols: Vec<String>,
    /// Path before that of the stream, empty or beginning with `/`.
    pub path: String,
    /// Where HTTP requests go (`rest`), beside the stream (`endpoint`) unless written; `None` if the
    /// venue answers none.
    pub rest: Option<Rest>,
    /// Levels wanted (`depth`).
    pub depth: Option<u16>,
    /// Stream or polling (`transport`).
    pub transport: FeedTransport,
    /// Milliseconds from one poll to the next (`poll_ms`).
    pub poll_ms: u64,
    /// Another channel than the usual one (`channel`).
    pub channel: Option<String>,
    /// Environment variable that holds the key (`key_env`); `None` if the venue wants none.
    pub key_env: Option<String>,
    /// How long a live book may be silent before it is called stale (`fresh_s`), seconds.
    pub fresh_s: u64,
    /// How often each book is written whole into a recording (`snapshot_s`), seconds.
    pub snapshot_s: u64,
    /// Whether it is somewhere else than the venue itself.
    is_elsewhere: bool,
}

/// Where a venue is asked over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rest {
    /// The server.
    pub endpoint: Endpoint,
    /// Path before every request's, empty or beginning with `/`.
    pub path: String,
}

/// How the books of a venue come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FeedTransport {
    /// Over its WebSocket.
    #[default]
    Stream,
    /// Asked for over HTTP.
    Poll,
    /// Over its WebSocket, and asked for over HTTP while that does not stand.
    Auto,
}

/// Source of the range and the default: order-book specification, section 11.
const POLL_MS: std::ops::RangeInclusive<u64> = 200..=5000;
const POLL_DEFAULT_MS: u64 = 500;
/// Source: order-book specification, section 14.
const FRESH_S: u64 = 5;
/// A file that is cut off anywhere can be read from a minute after its start.
const SNAPSHOT_S: u64 = 60;
/// Symbols of one source: as many books as have a place on the way to the screen.
const SYMBOLS: usize = 4096;
/// No venue has longer ones.
const SYMBOL_CHARS: usize = 64;
/// What a venue takes as depth of its book channel. Source: order-book specification, 6.4.
const KRAKEN_DEPTHS: [u16; 5] = [10, 25, 100, 500, 1000];

/// The venue of this name. A name of two words may be written with either sign between them.
fn venue(name: &str) -> Option<&'static VenueKind> {
    VENUES
        .iter()
        .find(|venue| spelled(venue.name) == spelled(name))
}

fn spelled(name: &str) -> String {
    name.replace('_', "-")
}

/// Whether a venue has this name.
pub(super) fn is_venue(name: &str) -> bool {
    venue(name).is_some()
}

/// The venue whose books `address` names.
pub(super) fn venue_of(address: &str) -> Option<&'static VenueKind> {
    let (scheme, rest) = address.split_once(':')?;
    if rest.starts_with("//") {
        return None;
    }
    venue(scheme)
}

/// A source from `VENUE:SYMBOLS[?OPTIONS]`.
pub(super) fn parse(
    name: Option<&str>,
    venue: &'static VenueKind,
    address: &str,
) -> Result<SourceSpec, SourceError> {
    let (head, query) = address.split_once('?').unwrap_or((address, ""));
    let fail = |problem: String| SourceError::Option {
        written: shortened(head),
        problem,
    };
    let mut options = BTreeMap::new();
    for (key, value) in form_urlencoded::parse(query.as_bytes()).into_owned() {
        if options.insert(key.clone(), value).is_some() {
            return Err(fail(format!("the option \"{key}\" is there twice")));
        }
    }
    let symbols = head.split_once(':').map_or("", |(_, symbols)| symbols);
    let (market, endpoint) = market(venue, symbols, &mut options).map_err(&fail)?;
    if let Some(unknown) = options.keys().next() {
        return Err(fail(format!(
            "there is no option \"{unknown}\" for {}; there are symbols, endpoint, rest, depth, \
             transport, poll_ms, channel, key_env, fresh_s, snapshot_s, tls_ca and tls_verify",
            venue.name
        )));
    }
    Ok(SourceSpec {
        name: name.map_or_else(|| spelled(venue.name), str::to_owned),
        kind: SourceKind::Market(Box::new(market)),
        endpoint: Some(endpoint),
        limits: BTreeMap::new(),
        measuring: Measuring::default(),
        is_simulated: false,
    })
}

type Options = BTreeMap<String, String>;

fn market(
    venue: &'static VenueKind,
    symbols: &str,
    options: &mut Options,
) -> Result<(Market, Endpoint), String> {
    let more = options.remove("symbols").unwrap_or_default();
    let symbols = symbols_from(venue, symbols, &more)?;
    let stream = options.remove("endpoint");
    let rest = options.remove("rest");
    let is_elsewhere = stream.is_some();
    let stream = stream.unwrap_or_else(|| venue.stream_url.to_owned());
    let stream = address("endpoint", &stream, ["ws", "wss"])?;
    let rest = match rest {
        Some(written) => Some(address("rest", &written, ["http", "https"])?),
        None if venue.rest_url.is_empty() => None,
        // Requests go where the stream comes from, and never past a proxy or a test to the venue.
        None if is_elsewhere => Some(stream.clone()),
        None => Some(address("rest", venue.rest_url, ["http", "https"])?),
    };
    let tls = tls_from(stream.is_secure, options)?;
    // One certificate authority or none for both; a plain address stays plain.
    let rest = rest.map(|rest| {
        let tls = match (&tls, rest.is_secure) {
            (_, false) => Tls::Off,
            (Tls::Off, true) => Tls::PublicRoots,
            (tls, true) => tls.clone(),
        };
        Rest {
            endpoint: rest.endpoint(tls),
            path: rest.path,
        }
    });
    let transport = match options.remove("transport").as_deref() {
        None | Some("ws") => FeedTransport::Stream,
        Some("poll") => FeedTransport::Poll,
        Some("auto") => FeedTransport::Auto,
        Some(other) => return Err(format!("transport is ws, poll or auto, not \"{other}\"")),
    };
    if transport != FeedTransport::Stream && !venue.can_poll {
        return Err(format!(
            "{} cannot be asked over HTTP: write transport=ws",
            venue.name
        ));
    }
    let market = Market {
        venue: venue.name,
        symbols,
        path: stream.path.clone(),
        rest,
        depth: depth(venue, options)?,
        transport,
        poll_ms: poll_ms(options)?,
        channel: channel(options)?,
        key_env: key_env(venue, options)?,
        fresh_s: seconds("fresh_s", FRESH_S, options)?,
        snapshot_s: seconds("snapshot_s", SNAPSHOT_S, options)?,
        is_elsewhere,
    };
    Ok((market, stream.endpoint(tls)))
}

/// Symbols, each once. What may stand there is what no venue's message has to escape.
fn symbols_from(venue: &VenueKind, first: &str, more: &str) -> Result<Vec<String>, String> {
    let written = first.split(',').chain(more.split(','));
    let symbols: Vec<String> = written
        .map(str::trim)
        .filter(|symbol| !symbol.is_empty())
        .map(str::to_owned)
        .collect();
    if symbols.is_empty() {
        return Err(format!(
            "no symbol: write {}:SYMBOL or {0}:SYMBOL,SYMBOL…, each as the venue writes it",
            venue.name
        ));
    }
    if symbols.len() > SYMBOLS {
        return Err(format!(
            "{} symbols are more than the {SYMBOLS} that one source may have",
            symbols.len()
        ));
    }
    // A second connection with the same key ends the first.
    if venue.key_env.is_some() && symbols.len() > venue.most_symbols {
        return Err(format!(
            "{} takes {} symbols on the one connection that a key may have, not {}",
            venue.name,
            venue.most_symbols,
            symbols.len()
        ));
    }
    let is_symbol = |symbol: &str| {
        symbol.len() <= SYMBOL_CHARS
            && symbol
                .chars()
                .all(|c| c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '?' | '&' | '#'))
    };
    let mut seen = BTreeSet::new();
    for symbol in &symbols {
        if !is_symbol(symbol) {
            let shown = crate::model::text::printable(symbol);
            return Err(format!("\"{shown}\" is no symbol of a venue"));
        }
        if !seen.insert(symbol) {
            return Err(format!("the symbol {symbol} is there twice"));
        }
    }
    Ok(symbols)
}

/// An address in parts.
#[derive(Clone)]
struct Address {
    host: String,
    port: u16,
    is_secure: bool,
    path: String,
}

impl Address {
    fn endpoint(&self, tls: Tls) -> Endpoint {
        Endpoint {
            host: self.host.clone(),
            port: self.port,
            tls,
            headers: BTreeMap::new(),
        }
    }
}

/// - `schemes`: without and with TLS
fn address(option: &str, written: &str, schemes: [&str; 2]) -> Result<Address, String> {
    let [plain, secure] = schemes;
    // What was written is not repeated: it may hold a secret.
    let shape = || format!("{option}: write {plain}://HOST:PORT or {secure}://HOST:PORT");
    let url = Url::parse(written).map_err(|_| shape())?;
    let is_secure = match url.scheme() {
        scheme if scheme == plain => false,
        scheme if scheme == secure => true,
        _ => return Err(shape()),
    };
    let is_bare = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if !is_bare {
        return Err(format!(
            "{}, with neither password nor query; key_env=VARIABLE names a key",
            shape()
        ));
    }
    let host = url.host_str().filter(|host| !host.is_empty());
    let port = url.port_or_known_default().filter(|port| *port > 0);
    let (Some(host), Some(port)) = (host, port) else {
        return Err(shape());
    };
    Ok(Address {
        host: host.trim_matches(['[', ']']).to_owned(),
        port,
        is_secure,
        path: url.path().trim_end_matches('/').to_owned(),
    })
}

fn depth(venue: &VenueKind, options: &mut Options) -> Result<Option<u16>, String> {
    let Some(written) = options.remove("depth") else {
        return Ok(None);
    };
    let depth = number::<u16>(&written).filter(|depth| *depth > 0);
    let depth = depth.ok_or_else(|| format!("depth is a number of levels, not \"{written}\""))?;
    if venue.name == "kraken" && !KRAKEN_DEPTHS.contains(&depth) {
        let known = KRAKEN_DEPTHS.map(|depth| depth.to_string()).join(", ");
        return Err(format!("kraken has a depth of {known}, not {depth}"));
    }
    Ok(Some(depth))
}

fn poll_ms(options: &mut Options) -> Result<u64, String> {
    let Some(written) = options.remove("poll_ms") else {
        return Ok(POLL_DEFAULT_MS);
    };
    let within = number(&written).filter(|ms| POLL_MS.contains(ms));
    within.ok_or_else(|| {
        let (least, most) = (POLL_MS.start(), POLL_MS.end());
        format!("poll_ms is a number from {least} to {most}, not \"{written}\"")
    })
}

fn channel(options: &mut Options) -> Result<Option<String>, String> {
    let channel = options.remove("channel");
    let is_word = |word: &String| {
        let is_fit = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '@');
        !word.is_empty() && word.len() <= SYMBOL_CHARS && word.chars().all(is_fit)
    };
    match channel {
        Some(channel) if !is_word(&channel) => {
            Err("channel is one word, such as partial or books5".to_owned())
        }
        channel => Ok(channel),
    }
}

fn key_env(venue: &VenueKind, options: &mut Options) -> Result<Option<String>, String> {
    match (options.remove("key_env"), venue.key_env) {
        (Some(_), None) => Err(format!("{} wants no key: leave key_env out", venue.name)),
        (Some(variable), Some(_)) if !is_variable(&variable) => {
            // It may be the key itself.
            Err("key_env is the name of an environment variable that holds the key".to_owned())
        }
        (written, usual) => Ok(written.or_else(|| usual.map(str::to_owned))),
    }
}

fn is_variable(name: &str) -> bool {
    let is_upper = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    !name.is_empty() && name.len() <= SYMBOL_CHARS && name.chars().all(is_upper)
}

fn seconds(option: &str, usual: u64, options: &mut Options) -> Result<u64, String> {
    const MOST_S: u64 = 86_400;
    let Some(written) = options.remove(option) else {
        return Ok(usual);
    };
    let within = number(&written).filter(|s| (1..=MOST_S).contains(s));
    within.ok_or_else(|| format!("{option} is a number of seconds from 1 on, not \"{written}\""))
}

fn number<T: FromStr>(written: &str) -> Option<T> {
    written.parse().ok()
}

/// Symbols that are named before the rest is only counted.
const SHOWN_SYMBOLS: usize = 4;

impl Market {
    /// The address for people.
    pub(super) fn show(
        &self,
        endpoint: Option<&Endpoint>,
        f: &mut fmt::Formatter<'_>,
    ) -> fmt::Result {
        write!(f, "{}:{}", spelled(self.venue), listed(&self.symbols))?;
        match endpoint.filter(|_| self.is_elsewhere) {
            Some(endpoint) => {
                let secure = if endpoint.tls == Tls::Off { "" } else { "s" };
                write!(f, " at ws{secure}://{endpoint}{}", self.path)
            }
            None => Ok(()),
        }
    }
}

fn listed(symbols: &[String]) -> String {
    let shown = symbols.get(..SHOWN_SYMBOLS).unwrap_or(symbols);
    let more = symbols.len() - shown.len();
    match more {
        0 => shown.join(","),
        more => format!("{} and {more} more", shown.join(",")),
    }
}

/// What was written, as an error may quote it: hundreds of symbols say no more than a few.
fn shortened(head: &str) -> String {
    const SHOWN_CHARS: usize = 80;
    match head.char_indices().nth(SHOWN_CHARS) {
        Some((at, _)) => format!("{}…", head.get(..at).unwrap_or(head)),
        None => head.to_owned(),
    }
}
