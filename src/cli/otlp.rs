//! The flags of the export of traces.

use std::time::Duration;

use clap::Args;

use super::{CliError, parse};
use crate::telemetry::{Exporter, Spans};

/// How long the last spans may take at the end.
const FINISH_TIMEOUT: Duration = Duration::from_secs(3);

const LONG_HELP: &str = "\
Collector that traces go to, by OTLP over HTTP [default: none]

Spans are posted to /v1/traces under this URL, such as http://localhost:4318, as protobuf. Of the \
variables of OpenTelemetry, OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS, \
OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES are read.";

/// Where traces go.
#[derive(Debug, Args)]
pub(super) struct OtlpArgs {
    /// Collector that traces go to, by OTLP over HTTP [default: none]
    #[arg(
        long,
        long_help = LONG_HELP,
        env = "ORDERS_OTLP_ENDPOINT",
        hide_env_values = true,
        value_name = "URL"
    )]
    otlp_endpoint: Option<String>,
    /// Share of the traces that begin here to export, 0 to 1; others as their client says
    #[arg(long, env = "ORDERS_OTLP_RATIO", default_value = "1", value_parser = parse::ratio, value_name = "NUMBER")]
    otlp_ratio: f64,
}

/// The running export, if there is one.
pub(super) struct Tracing(Option<(Spans, Exporter)>);

impl OtlpArgs {
    /// Starts to export. The collector need not be there.
    pub(super) fn start(&self) -> Result<Tracing, CliError> {
        let standard = || std::env::var("OTEL_EXPORTER_OTLP_ENDPOINT").ok();
        let endpoint = self.otlp_endpoint.clone().or_else(standard);
        // Empty is the same as absent, says OpenTelemetry.
        let Some(endpoint) = endpoint.filter(|endpoint| !endpoint.is_empty()) else {
            return Ok(Tracing(None));
        };
        let started = Exporter::start(&endpoint, self.otlp_ratio)?;
        Ok(Tracing(Some(started)))
    }
}

impl Tracing {
    /// Where spans go.
    pub(super) fn spans(&self) -> Option<Spans> {
        let (spans, _) = self.0.as_ref()?;
        Some(spans.clone())
    }

    /// Exports what waits, within a bound.
    pub(super) async fn finish(self) {
        if let Some((_, exporter)) = self.0 {
            exporter.finish(FINISH_TIMEOUT).await;
        }
    }
}
