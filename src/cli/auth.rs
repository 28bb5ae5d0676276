//! Arguments of `orders serve`: authentication of clients.

use std::net::SocketAddr;

use clap::Args;

use crate::http::{self, Auth};

/// How clients are authenticated.
#[derive(Debug, Args)]
pub(super) struct AuthArgs {
    /// How clients are authenticated
    ///
    /// off: not at all, all clients share one key space. tokens: by Authorization: Bearer and a
    /// token of orders token create, which names the tenant. header=NAME: the header NAME names the
    /// tenant; for a trusted gateway that sets it on every request and is the only client.
    #[arg(
        long,
        env = "ORDERS_AUTH",
        default_value = "off",
        value_name = "off|tokens|header=NAME"
    )]
    auth: Auth,
    /// With --auth tokens, serve /metrics without an admin token
    #[arg(long, env = "ORDERS_OPEN_METRICS")]
    open_metrics: bool,
}

impl AuthArgs {
    pub(super) fn apply(&self, settings: &mut http::Settings) {
        settings.auth = self.auth.clone();
        settings.open_metrics = self.open_metrics;
    }

    /// Warns if authentication is off and other machines can connect.
    pub(super) fn warn_if_open(&self, address: SocketAddr) {
        if self.auth == Auth::Off && !address.ip().to_canonical().is_loopback() {
            tracing::warn!(
                %address,
                "authentication is off: every client that reaches this address can place and read \
                 orders (set --auth, or listen on 127.0.0.1)"
            );
        }
    }
}
