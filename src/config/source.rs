//! Sources as they are written: a URL on the command line, a table in the file.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use url::Url;

use crate::protocol::socketio::check_event;

/// One source to read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceSpec {
    /// Short unique name.
    pub name: String,
    /// What is there.
    pub kind: SourceKind,
    /// Where it is.
    pub endpoint: Endpoint,
}

/// What kind of peer a source is.
#[derive(Clone, Debug, PartialEq, Eq)]
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
         socketio://HOST:PORT/PATH or socketios://… , with NAME= in front if you like"
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

impl SourceSpec {
    /// A source from `[NAME=]URL`. Options stand behind `?`, named as in the file:
    /// `tls_verify=false`, `tls_ca=FILE`, `namespace=/admin`, `engineio=3`, `transport=polling`,
    /// `auth_env=VARIABLE`, and any number of `emit=["NAME",ARGUMENT…]`.
    ///
    /// # Errors
    /// When it is no such URL; the message says what to write.
    pub fn parse(written: &str) -> Result<Self, SourceError> {
        let (name, address) = match written.split_once('=') {
            Some((name, rest)) if is_name(name) && rest.contains("://") => (Some(name), rest),
            _ => (None, written),
        };
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
            _ => not_a_source(),
        })?;
        let (scheme, secure) = match url.scheme() {
            "imswitch" => ("imswitch", false),
            "imswitchs" => ("imswitch", true),
            "socketio" => ("socketio", false),
            "socketios" => ("socketio", true),
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
        let (mut options, mut emit) = (BTreeMap::new(), Vec::new());
        for (key, value) in url.query_pairs().into_owned() {
            // The one option that may stand there several times.
            if key == "emit" && scheme == "socketio" {
                emit.push(value);
            } else if options.insert(key.clone(), value).is_some() {
                return Err(fail(format!("the option \"{key}\" is there twice")));
            }
        }
        let tls = tls_from(secure, &mut options).map_err(fail)?;
        let (kind, default_port) = if scheme == "imswitch" {
            let prefix = url.path().trim_end_matches('/').to_owned();
            (SourceKind::ImSwitch { prefix }, IMSWITCH_PORT)
        } else {
            let port = if secure { 443 } else { 80 };
            let kind = socketio_from(url.path(), &mut options, emit).map_err(fail)?;
            (kind, port)
        };
        if let Some(unknown) = options.keys().next() {
            let known = match scheme {
                "imswitch" => "tls_ca and tls_verify",
                _ => "tls_ca, tls_verify, namespace, auth_env, engineio, transport and emit",
            };
            return Err(fail(format!(
                "there is no option \"{unknown}\" for {scheme}://; there are {known}"
            )));
        }
        Ok(Self {
            name: name.unwrap_or(scheme).to_owned(),
            kind,
            endpoint: Endpoint {
                port: url.port().unwrap_or(default_port),
                host,
                tls,
                headers: BTreeMap::new(),
            },
        })
    }

    /// Whether the peer's certificate is not looked at.
    pub fn is_unverified(&self) -> bool {
        self.endpoint.tls == Tls::NotVerified
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
        (false, ..) => Err("tls options need imswitchs:// or socketios://".to_owned()),
        (true, Some(_), false) => Err("tls_ca and tls_verify=false exclude each other".to_owned()),
        (true, Some(file), true) => Ok(Tls::PrivateCa(PathBuf::from(file))),
        (true, None, true) => Ok(Tls::PublicRoots),
        (true, None, false) => Ok(Tls::NotVerified),
    }
}

fn socketio_from(
    path: &str,
    options: &mut BTreeMap<String, String>,
    emit: Vec<String>,
) -> Result<SourceKind, String> {
    let path = match path.trim_matches('/') {
        "" => "/socket.io/".to_owned(),
        inner => format!("/{inner}/"),
    };
    let namespace = options
        .remove("namespace")
        .unwrap_or_else(|| "/".to_owned());
    if !namespace.starts_with('/') {
        return Err(format!("a namespace begins with /: write /{namespace}"));
    }
    let engineio = match options.remove("engineio").as_deref() {
        None | Some("4") => 4,
        Some("3") => 3,
        Some(other) => return Err(format!("engineio is 3 or 4, not \"{other}\"")),
    };
    let transport = match options.remove("transport").as_deref() {
        None | Some("websocket") => Transport::WebSocket,
        Some("upgrade") => Transport::Upgrade,
        Some("polling") => Transport::Polling,
        Some(other) => {
            return Err(format!(
                "transport is websocket, upgrade or polling, not \"{other}\""
            ));
        }
    };
    if engineio == 3 && transport != Transport::WebSocket {
        return Err("engineio=3 works over transport=websocket only".to_owned());
    }
    for (index, event) in emit.iter().enumerate() {
        // By its place: what it says may be secret.
        check_event(event).map_err(|error| {
            let place = index + 1;
            format!(r#"emit, entry {place}: {error}; write ["NAME"] or ["NAME",{{"fps":30}}]"#)
        })?;
    }
    Ok(SourceKind::SocketIo {
        path,
        namespace,
        auth_env: options.remove("auth_env"),
        emit,
        engineio,
        transport,
    })
}

/// Gives sources from the command line names of their own (`imswitch`, `imswitch-2`) and refuses
/// two that were given the same one.
///
/// # Errors
/// When two sources were both called the same in so many words.
pub fn name_sources(mut sources: Vec<SourceSpec>) -> Result<Vec<SourceSpec>, SourceError> {
    let is_scheme = |name: &str| matches!(name, "imswitch" | "socketio");
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

impl fmt::Display for SourceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secure = if self.endpoint.tls == Tls::Off {
            ""
        } else {
            "s"
        };
        let host = if self.endpoint.host.contains(':') {
            format!("[{}]", self.endpoint.host)
        } else {
            self.endpoint.host.clone()
        };
        let port = self.endpoint.port;
        match &self.kind {
            SourceKind::ImSwitch { prefix } => {
                write!(f, "imswitch{secure}://{host}:{port}{prefix}")
            }
            SourceKind::SocketIo {
                path, namespace, ..
            } => {
                write!(f, "socketio{secure}://{host}:{port}{path}")?;
                if namespace != "/" {
                    write!(f, "?namespace={namespace}")?;
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_read_as_they_are_written() {
        let cases = [
            ("imswitch://lab", "imswitch://lab:8001"),
            ("imswitch://lab:8000/", "imswitch://lab:8000"),
            ("imswitch://[::1]:9", "imswitch://[::1]:9"),
            ("imswitchs://lab/imswitch", "imswitchs://lab:8001/imswitch"),
            ("socketio://h:5000", "socketio://h:5000/socket.io/"),
            (
                "socketio://h/feed/sio?namespace=/admin",
                "socketio://h:80/feed/sio/?namespace=/admin",
            ),
            ("socketios://h", "socketios://h:443/socket.io/"),
        ];
        for (written, meant) in cases {
            let spec = SourceSpec::parse(written).unwrap();
            assert_eq!(spec.to_string(), meant, "{written}");
        }
        let spec = SourceSpec::parse("left=imswitchs://lab?tls_verify=false").unwrap();
        assert_eq!((spec.name.as_str(), spec.is_unverified()), ("left", true));
    }

    #[test]
    fn events_to_emit_are_kept_in_their_order_and_not_shown() {
        let written = r#"socketio://h?emit=["start",{"fps":30}]&emit=["b"]"#;
        let spec = SourceSpec::parse(written).unwrap();
        let SourceKind::SocketIo { emit, .. } = &spec.kind else {
            panic!("not a Socket.IO source");
        };
        assert_eq!(emit, &[r#"["start",{"fps":30}]"#, r#"["b"]"#]);
        assert_eq!(spec.to_string(), "socketio://h:80/socket.io/");
    }

    #[test]
    fn a_wrong_source_is_told_what_to_write() {
        let cases = [
            ("lab:8001", "is not a source"),
            ("http://lab", "is not a source"),
            ("imswitch://", "names no host"),
            ("imswitch://lab?tls_verify=false", "imswitchs://"),
            ("socketio://h?engineio=5", "3 or 4"),
            ("socketio://h?speed=2", "no option \"speed\""),
            ("socketio://h?namespace=admin", "write /admin"),
            ("imswitch://h?emit=[\"a\"]", "no option \"emit\""),
            ("socketio://h?emit=[\"a\"]&emit=start", "emit, entry 2"),
            ("socketio://h?emit=[1]", "emit, entry 1"),
            ("socketio://h?emit=[]", "emit, entry 1"),
            ("socketio://h?emit={\"a\":1}", "emit, entry 1"),
            (
                "socketio://h?emit=[\"connect\"]",
                "is a reserved event name",
            ),
            (
                "socketio://h?engineio=3&transport=polling",
                "websocket only",
            ),
            ("imswitch://lab:65536", "1 to 65535"),
            ("imswitch://lab:0", "1 to 65535"),
            ("socketio://h?engineio=3&engineio=4", "twice"),
            ("imswitch://lab:8001/?tls_ca=x&tls_ca=y", "twice"),
        ];
        for (written, part) in cases {
            let message = SourceSpec::parse(written).unwrap_err().to_string();
            assert!(message.contains(part), "{written}: {message}");
            let quoted = written.split('?').next().unwrap();
            assert!(message.contains(quoted), "{written}: {message}");
        }
    }

    #[test]
    fn no_error_repeats_a_secret() {
        for written in [
            "imswitch://bob:hunter2@lab",
            "imswitch://hunter2@lab:8001/path",
            "http://bob:hunter2@lab",
            "imswitch://bob:hunter2@lab:99999",
            "socketio://lab?token=hunter2",
            "x=socketio://a@b:hunter2@lab/?token=hunter2#hunter2",
        ] {
            let message = SourceSpec::parse(written).unwrap_err().to_string();
            assert!(!message.contains("hunter2"), "{message}");
            assert!(message.contains("lab"), "{message}");
        }
    }

    #[test]
    fn unnamed_sources_get_numbers_and_named_ones_must_differ() {
        let parse = |list: &[&str]| {
            name_sources(
                list.iter()
                    .map(|written| SourceSpec::parse(written).unwrap())
                    .collect(),
            )
        };
        let named = parse(&["imswitch://a", "imswitch://b", "x=socketio://c"]).unwrap();
        let names: Vec<&str> = named.iter().map(|spec| spec.name.as_str()).collect();
        assert_eq!(names, ["imswitch", "imswitch-2", "x"]);
        let named = parse(&["imswitch://a", "imswitch://b", "imswitch-2=imswitch://c"]).unwrap();
        let names: Vec<&str> = named.iter().map(|spec| spec.name.as_str()).collect();
        assert_eq!(names, ["imswitch", "imswitch-3", "imswitch-2"]);
        assert!(parse(&["x=imswitch://a", "x=imswitch://b"]).is_err());
    }
}
