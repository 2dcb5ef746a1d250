//! What can go wrong between us and a server, as sentences: what happened, where, what to do.

use std::fmt;
use std::io;
use std::path::PathBuf;

use tokio_rustls::rustls::{self, CertificateError};

use super::{Endpoint, tls_words};
use crate::model::PlainText;

/// What was being waited for when the time was over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The addresses of a name.
    Lookup,
    /// The TCP connection.
    Connect,
    /// The TLS hand-shake.
    Tls,
    /// The head of the HTTP answer.
    Answer,
    /// The rest of the HTTP answer.
    Body,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lookup => "the name could not be looked up in time",
            Self::Connect => {
                "nothing answered the connection in time: is the address right, is a firewall between?"
            }
            Self::Tls => "the TLS hand-shake did not finish in time: does the server speak TLS?",
            Self::Answer => {
                "connected, but no HTTP answer came in time: is it the right port and path?"
            }
            Self::Body => "the HTTP answer did not finish in time",
        })
    }
}

/// Why there is no connection or no answer. Never holds a query, a header or a body we sent.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// The name has no address.
    #[error("the name {host} is not known ({source}): is it spelled right?")]
    NameNotFound {
        /// As written.
        host: String,
        /// What the system said.
        source: io::Error,
    },
    /// Nobody listens there.
    #[error("{peer} refused the connection: is the server running there?")]
    Refused {
        /// Host and port.
        peer: String,
    },
    /// Time is over.
    #[error("{peer}: {step}")]
    TimedOut {
        /// Host and port.
        peer: String,
        /// What was being waited for.
        step: Step,
    },
    /// The answer to our TLS greeting was not TLS.
    #[error(
        "{peer} does not speak TLS: use imswitch:// or socketio:// instead of imswitchs:// or socketios://"
    )]
    NotTls {
        /// Host and port.
        peer: String,
    },
    /// The certificate has expired.
    #[error(
        "{peer}: its TLS certificate has expired: have it renewed, or set tls_verify = false to connect all the same (?tls_verify=false in a URL)"
    )]
    CertificateExpired {
        /// Host and port.
        peer: String,
    },
    /// The certificate is not valid yet, or our clock is wrong.
    #[error(
        "{peer}: its TLS certificate is not valid yet: set this computer's clock and the server's, or set tls_verify = false (?tls_verify=false in a URL)"
    )]
    CertificateNotYetValid {
        /// Host and port.
        peer: String,
    },
    /// A server's own certificate that says it is an authority's, as `openssl req -x509` makes them.
    #[error(
        "{peer}: its TLS certificate is an authority's, which no server may show; a plain self-signed one looks like this: trust exactly this one with tls_ca = \"ITS-CERTIFICATE.pem\", or set tls_verify = false (in a URL ?tls_ca=ITS-CERTIFICATE.pem, ?tls_verify=false)"
    )]
    AuthorityAsServer {
        /// Host and port.
        peer: String,
    },
    /// Nobody we trust signed the certificate.
    #[error(
        "{peer}: nobody trusted signed its TLS certificate: name its authority, or the certificate itself, with tls_ca = \"FILE.pem\", or set tls_verify = false (in a URL ?tls_ca=FILE.pem, ?tls_verify=false)"
    )]
    UnknownIssuer {
        /// Host and port.
        peer: String,
    },
    /// The certificate is for another name.
    #[error(
        "{peer}: its TLS certificate is for another name: use the name it was made for, or set tls_verify = false (?tls_verify=false in a URL)"
    )]
    WrongName {
        /// Host and port.
        peer: String,
    },
    /// Any other trouble with TLS.
    #[error("{peer}: TLS failed: {detail}")]
    Tls {
        /// Host and port.
        peer: String,
        /// What went wrong, in words.
        detail: String,
    },
    /// The file with the private authority cannot be used.
    #[error("{}: {detail}", path.display())]
    AuthorityFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// The server closed before it had answered.
    #[error(
        "{peer} closed the connection without an answer: is it the right port and path, and does it want TLS (imswitchs://, socketios://, fleets://, wss://)?"
    )]
    NoAnswer {
        /// Host and port.
        peer: String,
    },
    /// The server closed in the middle of its answer.
    #[error("{peer} closed the connection in the middle of its answer")]
    CutShort {
        /// Host and port.
        peer: String,
    },
    /// What came back is not HTTP.
    #[error("{peer} does not answer in HTTP: is it the right port?")]
    NotHttp {
        /// Host and port.
        peer: String,
    },
    /// More than a limit allows.
    #[error("{peer}: the {what} of the HTTP answer is over {limit_bytes} bytes")]
    TooLarge {
        /// Host and port.
        peer: String,
        /// "head" or "body".
        what: &'static str,
        /// The limit.
        limit_bytes: usize,
    },
    /// The request cannot be written as HTTP.
    #[error("{what} cannot be sent in HTTP: it has characters that are not allowed there")]
    BadRequest {
        /// Which part of it, never its content.
        what: String,
    },
    /// Any other failure of the connection.
    #[error("{peer}: {source}")]
    Io {
        /// Host and port.
        peer: String,
        /// What the system said.
        source: io::Error,
    },
}

impl NetError {
    pub(super) fn timed_out(endpoint: &Endpoint, step: Step) -> Self {
        Self::TimedOut {
            peer: endpoint.to_string(),
            step,
        }
    }

    pub(super) fn from_connect(endpoint: &Endpoint, source: io::Error) -> Self {
        let peer = endpoint.to_string();
        match source.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused { peer },
            io::ErrorKind::TimedOut => Self::timed_out(endpoint, Step::Connect),
            _ => Self::Io { peer, source },
        }
    }

    pub(super) fn from_tls(endpoint: &Endpoint, source: io::Error) -> Self {
        let peer = endpoint.to_string();
        let inner = source
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<rustls::Error>());
        match inner {
            Some(rustls::Error::InvalidCertificate(problem)) => {
                Self::from_certificate(peer, problem)
            }
            Some(rustls::Error::InvalidMessage(_)) => Self::NotTls { peer },
            Some(other) => Self::Tls {
                peer,
                detail: tls_words::failure(other),
            },
            // A server without TLS that waits for a whole line of HTTP closes on our greeting.
            None if source.kind() == io::ErrorKind::UnexpectedEof => Self::NotTls { peer },
            None => Self::Io { peer, source },
        }
    }

    fn from_certificate(peer: String, problem: &CertificateError) -> Self {
        match problem {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                Self::CertificateExpired { peer }
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                Self::CertificateNotYetValid { peer }
            }
            CertificateError::UnknownIssuer => Self::UnknownIssuer { peer },
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Self::WrongName { peer }
            }
            other if tls_words::is_authority_as_server(other) => Self::AuthorityAsServer { peer },
            other => Self::Tls {
                peer,
                detail: tls_words::certificate(other).to_owned(),
            },
        }
    }

    pub(super) fn from_hyper(endpoint: &Endpoint, error: &hyper::Error, head_limit: usize) -> Self {
        let peer = endpoint.to_string();
        if error.is_parse_too_large() {
            return Self::TooLarge {
                peer,
                what: "head",
                limit_bytes: head_limit,
            };
        }
        if error.is_parse() {
            return Self::NotHttp { peer };
        }
        if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
            return Self::NoAnswer { peer };
        }
        let io = std::error::Error::source(error).and_then(|inner| inner.downcast_ref());
        let Some(io): Option<&io::Error> = io else {
            let words = PlainText::from_peer(&error.to_string()).to_string();
            return Self::Io {
                peer,
                source: io::Error::other(words),
            };
        };
        match io.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Self::NoAnswer { peer },
            io::ErrorKind::UnexpectedEof => Self::CutShort { peer },
            kind => Self::Io {
                peer,
                source: io::Error::new(kind, PlainText::from_peer(&io.to_string()).to_string()),
            },
        }
    }
}
