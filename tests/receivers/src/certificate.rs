//! A certificate for 127.0.0.1, and the authority that signed it.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair};

/// All of it as PEM.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// Who signed it.
    pub authority: String,
    /// The certificate.
    pub certificate: String,
    /// Its key.
    pub key: String,
}

impl Certificate {
    /// Makes all of it.
    ///
    /// # Panics
    ///
    /// If no key can be made.
    pub fn new() -> Self {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.distinguished_name.push(DnType::CommonName, "authority of the tests");
        let signs = KeyPair::generate().unwrap();
        let authority = authority.self_signed(&signs).unwrap();
        let key = KeyPair::generate().unwrap();
        let server = CertificateParams::new(vec!["127.0.0.1".to_owned(), "localhost".to_owned()]).unwrap();
        let certificate = server.signed_by(&key, &authority, &signs).unwrap();
        Self { authority: authority.pem(), certificate: certificate.pem(), key: key.serialize_pem() }
    }
}

impl Default for Certificate {
    fn default() -> Self {
        Self::new()
    }
}
