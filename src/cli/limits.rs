//! Arguments of `orders serve`: limits of headers and requests, TLS and cross-origin requests.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use super::{CliError, parse};
use crate::chain::Chain;
use crate::http::{self, CorsOrigin, RateLimit, Tls};

/// Limits of what a client may send.
#[derive(Debug, Args)]
pub(super) struct LimitArgs {
    /// Maximum number of request headers, up to 100; more are answered 431
    #[arg(long, env = "ORDERS_HEADERS_MAX", default_value = "64", value_parser = parse::headers, value_name = "NUMBER")]
    headers_max: usize,
    /// Maximum size of all request headers, in bytes; larger ones are answered 431
    #[arg(
        long,
        env = "ORDERS_HEADER_BYTES_MAX",
        default_value = "16384",
        value_parser = parse::bytes::<usize>,
        value_name = "BYTES"
    )]
    header_bytes_max: usize,
    /// Time limit for receiving request headers, or for a TLS handshake
    #[arg(long, env = "ORDERS_HEADER_TIMEOUT", default_value = "10s", value_parser = parse::duration, value_name = "DURATION")]
    header_timeout: Duration,
    /// Requests per second of each tenant; more are answered 429; 0 is no limit
    #[arg(long, env = "ORDERS_RATE_LIMIT", default_value = "0", value_parser = parse::whole_number, value_name = "NUMBER")]
    rate_limit: u32,
    /// Requests that a tenant may send at once; 0 is the same as --rate-limit
    #[arg(long, env = "ORDERS_RATE_BURST", default_value = "0", value_parser = parse::whole_number, value_name = "NUMBER")]
    rate_burst: u32,
    /// PEM file with the certificate chain: serve HTTPS [default: plain HTTP]
    ///
    /// SIGHUP reads the certificate and its key again.
    #[arg(
        long,
        env = "ORDERS_TLS_CERT",
        requires = "tls_key",
        value_name = "FILE"
    )]
    tls_cert: Option<PathBuf>,
    /// PEM file with the private key of the certificate [default: none]
    #[arg(
        long,
        env = "ORDERS_TLS_KEY",
        requires = "tls_cert",
        value_name = "FILE"
    )]
    tls_key: Option<PathBuf>,
    /// Origin whose web pages may use the API, or * [default: none]
    ///
    /// Repeat it, or separate origins by commas.
    #[arg(
        long = "cors-origin",
        env = "ORDERS_CORS_ORIGIN",
        value_delimiter = ',',
        value_parser = str::parse::<CorsOrigin>,
        value_name = "ORIGIN"
    )]
    cors_origins: Vec<CorsOrigin>,
}

impl LimitArgs {
    /// Writes these arguments into the settings of the server.
    pub(super) fn apply(&self, settings: &mut http::Settings) -> Result<(), CliError> {
        settings.header_count_max = self.headers_max;
        settings.header_bytes_max = self.header_bytes_max;
        settings.header_timeout = self.header_timeout;
        settings.rate_limit = NonZeroU32::new(self.rate_limit).map(|per_second| RateLimit {
            per_second,
            burst: NonZeroU32::new(self.rate_burst).unwrap_or(per_second),
        });
        settings.cors_origins.clone_from(&self.cors_origins);
        if let (Some(certificate), Some(key)) = (&self.tls_cert, &self.tls_key) {
            let tls = Tls::load(certificate.clone(), key.clone())?;
            settings.tls = Some(Arc::new(tls));
        }
        Ok(())
    }
}

/// Reads the certificate again at every SIGHUP. Without TLS, SIGHUP ends the process as usual.
pub(super) fn reload_on_hangup(settings: &http::Settings) -> Result<(), CliError> {
    let Some(tls) = settings.tls.clone() else {
        return Ok(());
    };
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            match tls.reload() {
                Ok(()) => tracing::info!("read the certificate again"),
                Err(error) => tracing::error!(
                    error = %Chain(&error),
                    "cannot read the certificate again, the former one stays in use"
                ),
            }
        }
    });
    Ok(())
}
