//! Certificates and keys, read once, with an error that says what is wrong with them.

use super::error::ExportError;
use super::secret::Secret;
#[cfg(feature = "http")]
use std::sync::Arc;

/// What TLS is to use, as it was given: PEM.
#[derive(Clone, Debug, Default)]
pub(super) struct Tls {
    /// The certificates and the key by which a server proves who it is.
    pub(super) own: Option<(Vec<u8>, Secret<Vec<u8>>)>,
    /// Whom a client trusts; whom Mozilla trusts by default.
    pub(super) roots: Option<Vec<u8>>,
}

const CERTIFICATE: &str = "it has to be PEM with a part that begins with -----BEGIN CERTIFICATE-----";
#[cfg(feature = "http")]
const KEY: &str =
    "the key has to be PEM with a part that begins with -----BEGIN PRIVATE KEY-----, and be the certificate's";

#[cfg(feature = "http")]
impl Tls {
    /// For a server.
    pub(super) fn of_server(&self) -> Result<tokio_rustls::TlsAcceptor, ExportError> {
        use tokio_rustls::rustls::ServerConfig;
        use tokio_rustls::rustls::crypto::ring::default_provider;
        use tokio_rustls::rustls::pki_types::pem::PemObject;
        use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

        let bad = |setting, mend| ExportError::setting(setting, "(not shown)", mend);
        let Some((certificates, key)) = &self.own else {
            return Err(bad("certificate", "HTTPS needs `certificate(..)`: certificates and a key as PEM"));
        };
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificates).collect();
        let chain = chain.ok().filter(|chain| !chain.is_empty()).ok_or_else(|| bad("certificate", CERTIFICATE))?;
        let key = PrivateKeyDer::from_pem_slice(key.tell()).map_err(|_| bad("certificate", KEY))?;
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|config| config.with_no_client_auth().with_single_cert(chain, key))
            .map_err(|_| bad("certificate", KEY))?;
        Ok(Arc::new(config).into())
    }
}

#[cfg(any(feature = "otlp", feature = "remote-write"))]
impl Tls {
    /// For a client that posts.
    pub(super) fn of_client(&self) -> Result<ureq::tls::TlsConfig, ExportError> {
        use ureq::tls::{PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};

        let config = TlsConfig::builder().provider(TlsProvider::Rustls);
        let Some(roots) = &self.roots else { return Ok(config.build()) };
        let certificates = parse_pem(roots).filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        });
        let certificates: Vec<_> = certificates.collect();
        if certificates.is_empty() {
            return Err(ExportError::setting("trust", "(not shown)", CERTIFICATE));
        }
        Ok(config.root_certs(RootCerts::new_with_certs(&certificates)).build())
    }
}

#[cfg(feature = "otlp-grpc")]
fn has_certificate(roots: &[u8]) -> bool {
    use tokio_rustls::rustls::pki_types::CertificateDer;
    use tokio_rustls::rustls::pki_types::pem::PemObject;

    CertificateDer::pem_slice_iter(roots).any(|certificate| certificate.is_ok())
}

#[cfg(feature = "otlp-grpc")]
impl Tls {
    /// For a client that calls.
    pub(super) fn of_endpoint(
        &self,
        endpoint: tonic::transport::Endpoint,
    ) -> Result<tonic::transport::Endpoint, ExportError> {
        use tonic::transport::{Certificate, ClientTlsConfig};

        let config = ClientTlsConfig::new();
        let config = match &self.roots {
            // One that has none would be taken, and trust nobody.
            Some(roots) if !has_certificate(roots) => {
                return Err(ExportError::setting("trust", "(not shown)", CERTIFICATE));
            }
            Some(roots) => config.ca_certificate(Certificate::from_pem(roots)),
            None => config.with_webpki_roots(),
        };
        endpoint.tls_config(config).map_err(|_| ExportError::setting("trust", "(not shown)", CERTIFICATE))
    }
}
