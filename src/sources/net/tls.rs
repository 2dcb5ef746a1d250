//! TLS by rustls with the ring provider, passed explicitly so that nothing global is installed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{self, CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

use super::{Endpoint, NetError, tls_words};

/// How a server's certificate is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsOptions {
    /// Against the public authorities that ship with the program.
    PublicRoots,
    /// Against the certificates of one PEM file and nothing else: authorities, or the server's very
    /// own, which is then accepted whatever its name, its dates and its purpose are.
    PrivateCa(PathBuf),
    /// Not at all. Whoever sits between can read and change everything: say so on the screen.
    NotVerified,
}

/// The connector for these options. Read at every connection, so that a renewed authority counts
/// without a restart.
pub(super) async fn connector(options: &TlsOptions) -> Result<TlsConnector, NetError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| NetError::Tls {
            peer: "TLS".to_owned(),
            detail: tls_words::failure(&error),
        })?;
    let config = match options {
        TlsOptions::PublicRoots => {
            let roots = RootCertStore {
                roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
            };
            builder.with_root_certificates(roots).with_no_client_auth()
        }
        TlsOptions::PrivateCa(path) => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(NamedInFile::read(path, provider).await?))
            .with_no_client_auth(),
        TlsOptions::NotVerified => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AcceptAny(provider)))
            .with_no_client_auth(),
    };
    Ok(TlsConnector::from(Arc::new(config)))
}

/// The name the certificate must be for; also what is sent as SNI if it is not an address.
pub(super) fn server_name(endpoint: &Endpoint) -> Result<ServerName<'static>, NetError> {
    ServerName::try_from(endpoint.host.clone()).map_err(|_| NetError::Tls {
        peer: endpoint.to_string(),
        detail: "the host's name cannot be a name in a certificate".to_owned(),
    })
}

/// Accepts the certificates of a file themselves, and what an authority among them signed.
#[derive(Debug)]
struct NamedInFile {
    certificates: Vec<CertificateDer<'static>>,
    authorities: Arc<WebPkiServerVerifier>,
}

impl NamedInFile {
    async fn read(path: &Path, provider: Arc<CryptoProvider>) -> Result<Self, NetError> {
        let wrong = |detail: String| NetError::AuthorityFile {
            path: path.to_owned(),
            detail,
        };
        let pem = tokio::fs::read(path)
            .await
            .map_err(|error| wrong(format!("cannot be read: {error}")))?;
        let certificates = CertificateDer::pem_slice_iter(&pem)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| wrong("is not a whole PEM file".to_owned()))?;
        if certificates.is_empty() {
            return Err(wrong(
                "has no certificate in it: it must hold \"BEGIN CERTIFICATE\"".to_owned(),
            ));
        }
        let unusable = || wrong("has a certificate that cannot be used".to_owned());
        let mut roots = RootCertStore::empty();
        for certificate in &certificates {
            roots.add(certificate.clone()).map_err(|_| unusable())?;
        }
        let authorities = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(|_| unusable())?;
        Ok(Self {
            certificates,
            authorities,
        })
    }
}

impl ServerCertVerifier for NamedInFile {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        // That the server has the key to it is shown by the hand-shake's signature.
        if self.certificates.iter().any(|named| named == end_entity) {
            return Ok(ServerCertVerified::assertion());
        }
        self.authorities.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        )
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authorities.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authorities.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.authorities.supported_verify_schemes()
    }
}

/// Accepts every certificate: expired, self-signed, for another name.
#[derive(Debug)]
struct AcceptAny(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAny {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        lenient(crypto::verify_tls12_signature(
            message, cert, dss, algorithms,
        ))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        lenient(crypto::verify_tls13_signature(
            message, cert, dss, algorithms,
        ))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// A signature that can be checked must be right, which finds broken servers. A certificate too
/// old-fashioned to be parsed (X.509 version 1) is let through: it would prove nothing anyway.
fn lenient(
    verdict: Result<HandshakeSignatureValid, Error>,
) -> Result<HandshakeSignatureValid, Error> {
    match verdict {
        Err(Error::InvalidCertificate(
            CertificateError::BadEncoding | CertificateError::Other(_),
        )) => Ok(HandshakeSignatureValid::assertion()),
        other => other,
    }
}
