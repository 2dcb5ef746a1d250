//! What the TLS library reports, in words for the person who has to mend it. The library's own texts
//! are the names of its variants.

use std::io;

use tokio_rustls::rustls::{AlertDescription, CertificateError, Error};

/// An error of an open connection with its words in place of the library's.
pub(super) fn told(error: io::Error) -> io::Error {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    match inner.map(failure) {
        Some(words) => io::Error::new(error.kind(), format!("TLS failed: {words}")),
        None => error,
    }
}

/// What went wrong, as a clause.
pub(super) fn failure(error: &Error) -> String {
    let words = match error {
        Error::AlertReceived(alert) => return refusal(*alert),
        Error::InvalidCertificate(problem) => certificate(problem),
        // Among these: no version, no cipher, no key exchange in common.
        Error::PeerIncompatible(_) => {
            "it and ttyscope have no way of encrypting in common: ttyscope speaks TLS 1.2 and 1.3 and nothing older"
        }
        Error::NoCertificatesPresented => "it showed no certificate",
        Error::InvalidMessage(_)
        | Error::InappropriateMessage { .. }
        | Error::InappropriateHandshakeMessage { .. }
        | Error::PeerMisbehaved(_)
        | Error::PeerSentOversizedRecord => "what it sent is not TLS as it should be",
        Error::DecryptError => {
            "what it sent cannot be decrypted: something between may be changing it"
        }
        Error::FailedToGetCurrentTime => "this computer's clock cannot be read",
        Error::FailedToGetRandomBytes => "this computer has no random numbers",
        _ => "the TLS library gave up for a reason of its own",
    };
    words.to_owned()
}

/// What the server said when it broke off. Source: RFC 8446, section 6.2.
fn refusal(alert: AlertDescription) -> String {
    use AlertDescription as Alert;
    let words = match alert {
        Alert::ProtocolVersion => {
            "it speaks neither TLS 1.2 nor 1.3, the only versions ttyscope does"
        }
        Alert::HandshakeFailure | Alert::InsufficientSecurity => {
            "it refused every way of encrypting that ttyscope knows, or wants a certificate of us"
        }
        Alert::CertificateRequired
        | Alert::NoCertificate
        | Alert::BadCertificate
        | Alert::UnknownCA
        | Alert::CertificateUnknown
        | Alert::AccessDenied => "it wants a certificate of us, and ttyscope has none",
        Alert::UnrecognisedName => {
            "it does not know the name it was asked for: use the name it was set up with"
        }
        Alert::InternalError => "it broke off with an internal error: its log may say more",
        Alert::NoApplicationProtocol => "it speaks other protocols than HTTP/1.1 behind TLS",
        other => return format!("it broke off (TLS alert {})", u8::from(other)),
    };
    words.to_owned()
}

/// What is wrong with the server's certificate, as a clause.
pub(super) fn certificate(problem: &CertificateError) -> &'static str {
    use CertificateError as Problem;
    match problem {
        Problem::Expired | Problem::ExpiredContext { .. } => "its certificate has expired",
        Problem::NotValidYet | Problem::NotValidYetContext { .. } => {
            "its certificate is not valid yet"
        }
        Problem::NotValidForName | Problem::NotValidForNameContext { .. } => {
            "its certificate is for another name"
        }
        Problem::UnknownIssuer => "nobody trusted signed its certificate",
        Problem::Revoked => "its certificate was revoked",
        Problem::BadSignature => {
            "a signature is wrong: it does not have the key to its certificate, or something between pretends to be it"
        }
        Problem::InvalidPurpose | Problem::InvalidPurposeContext { .. } => {
            "its certificate was not made for servers"
        }
        Problem::UnsupportedSignatureAlgorithmContext { .. }
        | Problem::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "its certificate is signed in a way that is not trusted any more: have it made anew, or set tls_verify = false"
        }
        other if is_authority_as_server(other) => "its certificate is an authority's",
        _ => {
            "its certificate cannot be read or is too old-fashioned to be checked: have it made anew, or set tls_verify = false"
        }
    }
}

/// Whether a server showed an authority's certificate. The library passes this one on from the
/// crate below it, whose type is not ours to name, but whose text for it is.
pub(super) fn is_authority_as_server(problem: &CertificateError) -> bool {
    matches!(problem, CertificateError::Other(other) if other.0.to_string() == "CaUsedAsEndEntity")
}

#[cfg(test)]
mod tests {
    use tokio_rustls::rustls::{InvalidMessage, PeerIncompatible, PeerMisbehaved};

    use super::*;

    #[test]
    fn no_name_of_a_variant_reaches_a_person() {
        let errors = [
            Error::AlertReceived(AlertDescription::ProtocolVersion),
            Error::AlertReceived(AlertDescription::CertificateRequired),
            Error::AlertReceived(AlertDescription::DecodeError),
            Error::AlertReceived(AlertDescription::Unknown(200)),
            Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13),
            Error::PeerMisbehaved(PeerMisbehaved::TooMuchEarlyDataReceived),
            Error::InvalidMessage(InvalidMessage::InvalidContentType),
            Error::InvalidCertificate(CertificateError::BadEncoding),
            Error::InvalidCertificate(CertificateError::UnhandledCriticalExtension),
            Error::General("Whatever".to_owned()),
            Error::EncryptError,
        ];
        for error in errors {
            let kind = io::ErrorKind::InvalidData;
            let told = told(io::Error::new(kind, error.clone()));
            assert_eq!(told.kind(), kind);
            let words = told.to_string();
            let is_camel = |word: &str| word.chars().skip(1).any(char::is_uppercase);
            let odd: Vec<&str> = words
                .split_whitespace()
                .filter(|word| is_camel(word) && !matches!(*word, "TLS" | "HTTP/1.1"))
                .collect();
            assert!(
                odd.is_empty() && !words.contains(['{', '(', '"']) || words.contains("TLS alert"),
                "{words}"
            );
        }
    }

    #[test]
    fn an_error_below_tls_keeps_its_words() {
        let error = told(io::Error::other("the cable"));
        assert_eq!(error.to_string(), "the cable");
    }
}
