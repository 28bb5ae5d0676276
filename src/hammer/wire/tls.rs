//! TLS with control over which bytes are sent when.
//!
//! Drives rustls over a non-blocking socket itself: bytes that are written become records at once,
//! so a last byte that is held back is the only plaintext of its record.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::net::TcpStream;

use super::connection::WireError;

/// How the certificates of `https://` targets are verified.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// A PEM file of authorities to trust instead of those of the system.
    pub cacert: Option<PathBuf>,
    /// Accept any certificate.
    pub insecure: bool,
}

/// Why certificates cannot be verified.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The file has no usable certificate.
    #[error("cannot read certificates from {path}: {reason}")]
    File {
        /// The path of the file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The root certificates of the system cannot be used.
    #[error("cannot use the root certificates of the system: pass --cacert FILE")]
    NoRoots(#[source] Error),
    /// The host of the URL cannot be in a certificate.
    #[error("`{0}` cannot be the name of a certificate")]
    Name(String),
    /// The TLS library refuses its settings.
    #[error("TLS is not available")]
    Settings(#[source] Error),
}

/// How to speak TLS with one host.
#[derive(Debug, Clone)]
pub(crate) struct Tls {
    pub(super) config: Arc<ClientConfig>,
    name: ServerName<'static>,
    pub(crate) insecure: bool,
}

impl Tls {
    /// Prepares TLS for `host`.
    pub(crate) fn new(host: &str, trust: &Trust) -> Result<Self, TrustError> {
        let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned())
            .map_err(|_| TrustError::Name(host.to_owned()))?;
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(TrustError::Settings)?;
        let builder = match &trust.cacert {
            _ if trust.insecure => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(AcceptAny(provider))),
            Some(path) => builder.with_root_certificates(authorities(path)?),
            None => builder
                .with_platform_verifier()
                .map_err(TrustError::NoRoots)?,
        };
        let mut config = builder.with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // Every connection is like the first one.
        config.resumption = Resumption::disabled();
        Ok(Self {
            config: Arc::new(config),
            name,
            insecure: trust.insecure,
        })
    }
}

/// The certificates of a PEM file.
fn authorities(path: &Path) -> Result<RootCertStore, TrustError> {
    let mut roots = RootCertStore::empty();
    let wrong = |reason: String| TrustError::File {
        path: path.to_owned(),
        reason,
    };
    let certificates =
        CertificateDer::pem_file_iter(path).map_err(|error| wrong(error.to_string()))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
        roots
            .add(certificate)
            .map_err(|error| wrong(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(wrong("it contains none in PEM format".to_owned()));
    }
    Ok(roots)
}

/// A TLS connection after its handshake.
#[derive(Debug)]
pub(super) struct Session {
    tcp: TcpStream,
    tls: ClientConnection,
}

impl Session {
    /// Shakes hands with the server.
    pub(super) async fn open(tcp: TcpStream, settings: &Tls) -> Result<Self, WireError> {
        let config = Arc::clone(&settings.config);
        let tls =
            ClientConnection::new(config, settings.name.clone()).map_err(WireError::Handshake)?;
        let mut session = Self { tcp, tls };
        while session.tls.is_handshaking() {
            session.flush().await.map_err(WireError::Connect)?;
            if !session.tls.is_handshaking() {
                break;
            }
            match session.tls.read_tls(&mut Socket(&session.tcp)) {
                Ok(0) => return Err(WireError::Connect(io::ErrorKind::UnexpectedEof.into())),
                Ok(_) => {
                    let result = session.tls.process_new_packets();
                    // The alert tells the server why.
                    let _ = session.flush_now();
                    result.map_err(WireError::Handshake)?;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    session.tcp.readable().await.map_err(WireError::Connect)?;
                }
                Err(error) => return Err(WireError::Connect(error)),
            }
        }
        session.flush().await.map_err(WireError::Connect)?;
        Ok(session)
    }

    /// The socket below.
    pub(super) fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    /// Sends all of `bytes`.
    pub(super) async fn send(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let count = self.tls.writer().write(bytes)?;
            bytes = &bytes[count..];
            self.flush().await?;
        }
        Ok(())
    }

    /// Sends `bytes` in a record of their own, without yielding to the event loop.
    pub(super) fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.tls.writer().write_all(bytes)?;
        self.flush_now()
    }

    /// Appends decrypted bytes without waiting; returns how many. 0 is the end of the stream.
    pub(super) fn try_read(&mut self, into: &mut Vec<u8>) -> io::Result<usize> {
        let mut bytes = [0; 16 << 10];
        loop {
            match self.tls.reader().read(&mut bytes) {
                Ok(count) => {
                    into.extend_from_slice(&bytes[..count]);
                    return Ok(count);
                }
                // Many servers close the connection without the farewell of TLS.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
            self.tls.read_tls(&mut Socket(&self.tcp))?;
            let processed = self.tls.process_new_packets();
            // A request for new keys is answered with the next bytes if the socket is full.
            let _ = self.flush_now();
            processed.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        }
    }

    /// Says farewell, if the socket takes it at once.
    pub(super) fn close(&mut self) {
        self.tls.send_close_notify();
        let _ = self.flush_now();
    }

    async fn flush(&mut self) -> io::Result<()> {
        loop {
            match self.flush_now() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.tcp.writable().await?;
                }
                result => return result,
            }
        }
    }

    fn flush_now(&mut self) -> io::Result<()> {
        while self.tls.wants_write() {
            self.tls.write_tls(&mut Socket(&self.tcp))?;
        }
        Ok(())
    }
}

/// A socket as rustls wants it: every call returns at once.
struct Socket<'a>(&'a TcpStream);

impl Read for Socket<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(bytes)
    }
}

impl Write for Socket<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Accepts any certificate, for `--insecure`. The server must still own its key.
#[derive(Debug)]
struct AcceptAny(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAny {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests;
