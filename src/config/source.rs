//! Sources as they are written: a URL on the command line, a table in the file.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::limits::{add_limit, parse_limit};
use super::measuring::Measuring;
use crate::model::Limits;
use crate::protocol::flamingo::Profile;
use crate::protocol::rows::{EventPickers, Picker};

mod camera;
mod flamingo;
pub(super) mod fleet;
mod market;
mod socketio;
mod websocket;

pub use camera::Camera;
pub use market::{FeedTransport, Market, Rest};

/// One source to read from.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceSpec {
    /// Short unique name.
    pub name: String,
    /// What is there.
    pub kind: SourceKind,
    /// Where it is on the network; `None` for what is attached to this machine.
    pub endpoint: Option<Endpoint>,
    /// How far axes may be moved, in the unit of each axis, by its name. They may only narrow what
    /// the instrument says itself.
    pub limits: BTreeMap<String, Limits>,
    /// What is measured of its cameras.
    pub measuring: Measuring,
    /// Whoever wrote it knows that nothing there is real: it is marked SIMULATED.
    pub is_simulated: bool,
}

/// What kind of peer a source is.
#[derive(Clone, Debug, PartialEq)]
pub enum SourceKind {
    /// An ImSwitch server. `prefix` is put before every path, e.g. `/imswitch` behind a proxy.
    ImSwitch {
        /// Path prefix, empty or beginning with `/`.
        prefix: String,
    },
    /// Any Socket.IO server.
    SocketIo {
        /// Engine.IO path, e.g. `/socket.io/`.
        path: String,
        /// The namespace to connect.
        namespace: String,
        /// Environment variable that holds the auth object as JSON.
        auth_env: Option<String>,
        /// Events to emit as soon as the namespace is connected: JSON arrays, the name first.
        emit: Vec<String>,
        /// Engine.IO revision, 3 or 4.
        engineio: u8,
        /// How to connect.
        transport: Transport,
        /// Which events are listened to, and what of them are rows.
        events: Box<EventPickers>,
    },
    /// Any WebSocket that speaks JSON.
    WebSocket {
        /// Path and query; the query may hold secrets.
        target: String,
        /// JSON texts to send as soon as it is open; they may hold secrets.
        subscribe: Vec<String>,
        /// What of its messages are rows.
        picker: Box<Picker>,
        /// How often to ping, if it was written; `Some(None)` for never.
        ping: Option<Option<Duration>>,
        /// After how long without a message the feed is stale, if it was written.
        silence: Option<Duration>,
    },
    /// A Flamingo light-sheet microscope: commands on the port of the endpoint, which has neither
    /// TLS nor headers.
    Flamingo {
        /// The codes of its server's release.
        profile: Box<Profile>,
        /// The port of the live pictures; `None` for the next one.
        live_port: Option<u16>,
    },
    /// Order books or trades of a venue. The endpoint is that of its stream.
    Market(Box<Market>),
    /// A camera attached to this machine.
    Camera(Box<Camera>),
    /// A supervised fleet of workers, which is only watched.
    Fleet {
        /// Path prefix, empty or beginning with `/`.
        prefix: String,
        /// What its server calls things.
        profile: Box<crate::protocol::fleet::Profile>,
        /// Seconds between cross-checks while all is well; 0 for none.
        probe_s: u32,
    },
}

/// Host, port and how the connection is secured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Name or address, without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Security.
    pub tls: Tls,
    /// More HTTP headers for every request, in order of their names.
    pub headers: BTreeMap<String, String>,
}

/// How a connection is secured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tls {
    /// Not at all.
    Off,
    /// By a certificate that a public authority signed.
    PublicRoots,
    /// By a certificate that the authority in this PEM file signed.
    PrivateCa(PathBuf),
    /// Encrypted, and the peer may be anybody. Marked on the screen.
    NotVerified,
}

/// Which transport of Engine.IO is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// WebSocket from the first byte.
    #[default]
    WebSocket,
    /// Long-polling first, then WebSocket if the server offers it.
    Upgrade,
    /// Long-polling only.
    Polling,
}

/// Why a source cannot be used as written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// Not a URL of a kind we know.
    #[error(
        "\"{written}\" is not a source: write imswitch://HOST:PORT, imswitchs://HOST:PORT (TLS), \
         socketio://HOST:PORT/PATH, socketios://…, ws://HOST:PORT/PATH, wss://…, \
         flamingo://HOST:PORT, fleet://HOST:PORT, camera:/dev/video0 or a venue with its symbols \
         such as kraken:BTC/USD, with NAME= in front if you like"
    )]
    NotASource {
        /// What was written.
        written: String,
    },
    /// The URL lacks a host.
    #[error("\"{written}\" names no host: write for example imswitch://192.168.4.1:8001")]
    NoHost {
        /// What was written.
        written: String,
    },
    /// An option behind `?` is not known or has no such value.
    #[error("\"{written}\": {problem}")]
    Option {
        /// What was written.
        written: String,
        /// What is wrong with it and what to write.
        problem: String,
    },
    /// Two sources have one name.
    #[error("two sources are called \"{name}\": give one of them another name")]
    SameName {
        /// The name.
        name: String,
    },
}

/// Source of the port: the server's own default.
const IMSWITCH_PORT: u16 = 8001;
/// The names that sources have unless they are given one, beside those of the venues.
const SCHEMES: [&str; 6] = [
    "imswitch",
    "socketio",
    "ws",
    "flamingo",
    "fleet",
    camera::SCHEME,
];

impl SourceSpec {
    /// A source from `[NAME=]URL`. Options stand behind `?`, named as in the file:
    /// `tls_verify=false`, `tls_ca=FILE`, `namespace=/admin`, `engineio=3`, `transport=polling`,
    /// `auth_env=VARIABLE`, `profile=older`, `live_port=53718`, and any number of
    /// `emit=["NAME",ARGUMENT…]`, `limit=AXIS:MIN..MAX` and `code=NAME:NUMBER`. A microscope knows
    /// `measure=false` and any number of `roi=CAMERA:X,Y,WIDTH,HEIGHT`. What becomes a live
    /// table is said with `events=`, `rows=`, `key=`, `table=` and `whole=`; `ws://` knows
    /// `subscribe=TEXT` (any number), `query=`, `ping_s=` and `silence_s=` too. `simulated=true` marks
    /// what a Socket.IO server or a WebSocket says as not real. A fleet knows
    /// `probe_s=30`, and any number of `event=NEUTRAL:WIRE` and `key=NEUTRAL:WIRE`.
    ///
    /// The books of a venue are written `VENUE:SYMBOL,SYMBOL…`; its options are those of
    /// [`Market`]. A camera of this machine is `camera:DEVICE` with the options of [`Camera`].
    ///
    /// # Errors
    /// When it is no such URL; the message says what to write.
    pub fn parse(written: &str) -> Result<Self, SourceError> {
        let (name, address) = match written.split_once('=') {
            Some((name, rest)) if is_name(name) && is_address(rest) => (Some(name), rest),
            _ => (None, written),
        };
        if let Some(venue) = market::venue_of(address) {
            return market::parse(name, venue, address);
        }
        if let Some(device) = camera::device_of(address) {
            return camera::parse(name, device);
        }
        let quoted = without_secrets(written);
        let fail = |problem: String| SourceError::Option {
            written: quoted.clone(),
            problem,
        };
        let not_a_source = || SourceError::NotASource {
            written: quoted.clone(),
        };
        let wrong_port = || fail("a port is a number from 1 to 65535".to_owned());
        let url = Url::parse(address).map_err(|error| match error {
            url::ParseError::InvalidPort => wrong_port(),
            // Only for schemes that browsers know.
            url::ParseError::EmptyHost => SourceError::NoHost {
                written: quoted.clone(),
            },
            _ => not_a_source(),
        })?;
        let (scheme, secure) = match url.scheme() {
            "imswitch" => ("imswitch", false),
            "imswitchs" => ("imswitch", true),
            "socketio" => ("socketio", false),
            "socketios" => ("socketio", true),
            "ws" => ("ws", false),
            "wss" => ("ws", true),
            "flamingo" => ("flamingo", false),
            "fleet" => ("fleet", false),
            "fleets" => ("fleet", true),
            _ => return Err(not_a_source()),
        };
        let host = url
            .host_str()
            .filter(|host| !host.is_empty())
            .ok_or_else(|| SourceError::NoHost {
                written: quoted.clone(),
            })?
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned();
        if !url.username().is_empty() || url.password().is_some() {
            return Err(fail(
                "names and passwords do not belong in a URL: write \
                 headers = { Authorization = \"$VARIABLE\" } in the configuration"
                    .to_owned(),
            ));
        }
        if url.port() == Some(0) {
            return Err(wrong_port());
        }
        let (mut options, mut limits) = (BTreeMap::new(), BTreeMap::new());
        let mut measuring = Measuring::default();
        let (mut emit, mut codes) = (Vec::new(), Vec::new());
        let mut several: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let (mut events, mut keys) = (Vec::new(), Vec::new());
        for (key, value) in url.query_pairs().into_owned() {
            // These may stand there several times.
            match (key.as_str(), scheme) {
                ("emit", "socketio") => emit.push(value),
                ("code", "flamingo") => codes.push(value),
                ("subscribe", "ws") | ("events" | "rows" | "key" | "whole", "socketio") => {
                    several.entry(key).or_default().push(value);
                }
                ("event", "fleet") => events.push(value),
                ("key", "fleet") => keys.push(value),
                ("limit", "imswitch" | "flamingo") => {
                    let added = parse_limit(&value)
                        .and_then(|(axis, limit)| add_limit(&mut limits, axis, limit));
                    added.map_err(&fail)?;
                }
                ("measure" | "roi", "imswitch" | "flamingo") => {
                    measuring.take_option(&key, &value).map_err(&fail)?;
                }
                _ if options.insert(key.clone(), value).is_some() => {
                    return Err(fail(format!("the option \"{key}\" is there twice")));
                }
                _ => {}
            }
        }
        let port = url.port();
        let (kind, port, tls) = match scheme {
            "imswitch" => {
                let tls = tls_from(secure, &mut options).map_err(&fail)?;
                let prefix = url.path().trim_end_matches('/').to_owned();
                let kind = SourceKind::ImSwitch { prefix };
                (kind, port.unwrap_or(IMSWITCH_PORT), tls)
            }
            "flamingo" => {
                let (kind, port) =
                    flamingo::kind(url.path(), port, &mut options, &codes).map_err(&fail)?;
                (kind, port, Tls::Off)
            }
            "ws" => {
                let tls = tls_from(secure, &mut options).map_err(&fail)?;
                let subscribe = several.remove("subscribe").unwrap_or_default();
                let kind = websocket::kind(url.path(), &mut options, subscribe).map_err(&fail)?;
                (kind, port.unwrap_or(if secure { 443 } else { 80 }), tls)
            }
            "fleet" => {
                let tls = tls_from(secure, &mut options).map_err(&fail)?;
                let kind = fleet::kind(url.path(), &mut options, &events, &keys).map_err(&fail)?;
                (kind, port.unwrap_or(fleet::PORT), tls)
            }
            _ => {
                let tls = tls_from(secure, &mut options).map_err(&fail)?;
                let mut kind = socketio::kind(url.path(), &mut options, emit).map_err(&fail)?;
                websocket::listen(&mut kind, &several).map_err(&fail)?;
                (kind, port.unwrap_or(if secure { 443 } else { 80 }), tls)
            }
        };
        // The others say so themselves, if they are our simulators.
        let may_not_say = matches!(scheme, "socketio" | "ws");
        let is_simulated = match options.remove("simulated").as_deref() {
            Some("true") if may_not_say => true,
            None | Some("false") if may_not_say => false,
            None => false,
            Some(_) if may_not_say => {
                return Err(fail("simulated: write true or false".to_owned()));
            }
            Some(_) => {
                let words = "simulated: only socketio:// and ws:// take it; simulators of the \
                             other kinds say themselves what they are";
                return Err(fail(words.to_owned()));
            }
        };
        kind.check_limits(&limits).map_err(&fail)?;
        if let Some(unknown) = options.keys().next() {
            let known = match scheme {
                "imswitch" => "tls_ca, tls_verify, limit, measure and roi",
                "flamingo" => "profile, code, live_port, limit, measure and roi",
                "ws" => websocket::OPTIONS,
                "fleet" => "tls_ca, tls_verify, profile, event, key and probe_s",
                _ => {
                    "tls_ca, tls_verify, namespace, auth_env, engineio, transport, emit, events, \
                     rows, key, whole and simulated"
                }
            };
            return Err(fail(format!(
                "there is no option \"{unknown}\" for {scheme}://; there are {known}"
            )));
        }
        Ok(Self {
            name: name.unwrap_or(scheme).to_owned(),
            kind,
            endpoint: Some(Endpoint {
                port,
                host,
                tls,
                headers: BTreeMap::new(),
            }),
            limits,
            measuring,
            is_simulated,
        })
    }

    /// Whether the peer's certificate is not looked at.
    pub fn is_unverified(&self) -> bool {
        let endpoint = self.endpoint.as_ref();
        endpoint.is_some_and(|endpoint| endpoint.tls == Tls::NotVerified)
    }
}

impl SourceKind {
    /// Whether a source of this kind can have these limits.
    pub(super) fn check_limits(&self, limits: &BTreeMap<String, Limits>) -> Result<(), String> {
        match (self, limits.keys().next()) {
            (_, None) | (Self::ImSwitch { .. }, _) => Ok(()),
            (Self::SocketIo { .. }, Some(_)) => {
                Err("limits: a Socket.IO source has no axes; leave them out".to_owned())
            }
            (Self::Market(_), Some(_)) => {
                Err("limits: a venue has no axes; leave them out".to_owned())
            }
            (Self::WebSocket { .. }, Some(_)) => {
                Err("limits: a WebSocket has no axes; leave them out".to_owned())
            }
            (Self::Fleet { .. }, Some(_)) => {
                Err("limits: a fleet has no axes; leave them out".to_owned())
            }
            (Self::Camera(_), Some(_)) => {
                Err("limits: a camera has no axes; leave them out".to_owned())
            }
            (Self::Flamingo { .. }, _) => flamingo::check_axes(limits.keys()),
        }
    }
}

/// Whether a source may be called so: what can stand in a topic, in a column and on a command line.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.chars().count() <= 32
        && text
            .chars()
            .all(|c| c.is_alphanumeric() || c == '-' || c == '_')
}

/// Whether this is where a source is, so that what stands before it is its name.
fn is_address(text: &str) -> bool {
    let is_short = market::venue_of(text).is_some() || camera::device_of(text).is_some();
    is_short || text.contains("://")
}

/// What was written, as an error may quote it: passwords and tokens are typed into URLs, and
/// errors are copied into mails.
fn without_secrets(written: &str) -> String {
    let shown = written.split(['?', '#']).next().unwrap_or(written);
    let Some((scheme, rest)) = shown.split_once("://") else {
        return shown.to_owned();
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://…@{host}{path}"),
        None => shown.to_owned(),
    }
}

fn tls_from(secure: bool, options: &mut BTreeMap<String, String>) -> Result<Tls, String> {
    let ca = options.remove("tls_ca");
    let verify = match options.remove("tls_verify").as_deref() {
        None | Some("true") => true,
        Some("false") => false,
        Some(other) => return Err(format!("tls_verify is true or false, not \"{other}\"")),
    };
    match (secure, ca, verify) {
        (false, None, true) => Ok(Tls::Off),
        (false, ..) => Err(
            "tls options need imswitchs://, socketios://, fleets://, wss:// or an \
             endpoint=wss://"
                .to_owned(),
        ),
        (true, Some(_), false) => Err("tls_ca and tls_verify=false exclude each other".to_owned()),
        (true, Some(file), true) => Ok(Tls::PrivateCa(PathBuf::from(file))),
        (true, None, true) => Ok(Tls::PublicRoots),
        (true, None, false) => Ok(Tls::NotVerified),
    }
}

/// Gives sources from the command line names of their own (`imswitch`, `imswitch-2`) and refuses
/// two that were given the same one.
///
/// # Errors
/// When two sources were both called the same in so many words.
pub fn name_sources(mut sources: Vec<SourceSpec>) -> Result<Vec<SourceSpec>, SourceError> {
    let is_scheme = |name: &str| SCHEMES.contains(&name) || market::is_venue(name);
    let mut taken = BTreeSet::new();
    for source in sources.iter().filter(|source| !is_scheme(&source.name)) {
        if !taken.insert(source.name.clone()) {
            return Err(SourceError::SameName {
                name: source.name.clone(),
            });
        }
    }
    for source in sources.iter_mut().filter(|source| is_scheme(&source.name)) {
        let scheme = source.name.clone();
        for number in 2.. {
            if taken.insert(source.name.clone()) {
                break;
            }
            source.name = format!("{scheme}-{number}");
        }
    }
    Ok(sources)
}

/// Host and port as they stand in a URL.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

impl fmt::Display for SourceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (secure, at) = match &self.endpoint {
            None => ("", String::new()),
            Some(endpoint) => {
                let secure = if endpoint.tls == Tls::Off { "" } else { "s" };
                (secure, endpoint.to_string())
            }
        };
        match &self.kind {
            SourceKind::ImSwitch { prefix } => {
                write!(f, "imswitch{secure}://{at}{prefix}")
            }
            SourceKind::SocketIo {
                path, namespace, ..
            } => {
                write!(f, "socketio{secure}://{at}{path}")?;
                if namespace != "/" {
                    write!(f, "?namespace={namespace}")?;
                }
                Ok(())
            }
            SourceKind::WebSocket { target, .. } => {
                let path = target.split('?').next().unwrap_or(target);
                write!(f, "ws{secure}://{at}{path}")
            }
            SourceKind::Flamingo { .. } => write!(f, "flamingo://{at}"),
            SourceKind::Market(market) => market.show(self.endpoint.as_ref(), f),
            SourceKind::Camera(camera) => camera.fmt(f),
            SourceKind::Fleet { prefix, .. } => {
                write!(f, "fleet{secure}://{at}{prefix}")
            }
        }
    }
}

#[cfg(test)]
mod tests;
