//! Plots as SVG.

use std::collections::BTreeMap;

use super::markup::{Markup, put};
use crate::hammer::judge::{Latencies, Point};
use crate::hammer::report::text::millis;
use crate::hammer::workload::FaultKind;

/// Width and height of a plot, and the space for its axes.
const WIDTH: f64 = 520.0;
const HEIGHT: f64 = 230.0;
const LEFT: f64 = 76.0;
const BOTTOM: f64 = 24.0;

/// A logarithmic scale of milliseconds, in powers of ten from the bottom to the top of a plot.
struct LogScale {
    least: f64,
    most: f64,
}

impl LogScale {
    /// The scale of whole powers of ten around these microseconds.
    fn around(values: impl Iterator<Item = u64>) -> Self {
        let (mut least, mut most) = (f64::INFINITY, 0.0_f64);
        for value in values {
            let value = micros_to_millis(value.max(1));
            least = least.min(value);
            most = most.max(value);
        }
        if least > most {
            (least, most) = (0.1, 10.0);
        }
        let (low, high) = (least.log10().floor(), most.log10().ceil());
        Self {
            least: low,
            most: high.max(low + 1.0),
        }
    }

    /// The height of a latency in microseconds.
    fn y(&self, micros: u64) -> f64 {
        self.height(micros_to_millis(micros.max(1)).log10())
    }

    fn height(&self, power: f64) -> f64 {
        (HEIGHT - BOTTOM) * (1.0 - (power - self.least) / (self.most - self.least))
    }

    fn draw(&self, svg: &mut Markup) {
        let mut power = self.least;
        while power <= self.most {
            let y = self.height(power);
            put!(
                svg,
                r#"<line class="axis" x1="{}" x2="{}" y1="{:.1}" y2="{:.1}"/>"#,
                LEFT,
                WIDTH,
                y,
                y
            );
            put!(
                svg,
                r#"<text x="{:.0}" y="{:.1}" text-anchor="end">{} ms</text>"#,
                LEFT - 6.0,
                (y + 4.0).max(10.0),
                10_f64.powf(power)
            );
            power += 1.0;
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "drawn in pixels")]
fn micros_to_millis(micros: u64) -> f64 {
    micros as f64 / 1000.0
}

/// Begins a plot. `label` is what it shows, for those who do not see it.
fn open(label: &str) -> Markup {
    let mut svg = Markup::default();
    put!(
        svg,
        r#"<svg viewBox="0 0 {} {}" role="img" aria-label="{}">"#,
        WIDTH,
        HEIGHT,
        label
    );
    svg
}

/// Latency of every sampled answer over the time of the run, with the process faults.
pub(super) fn scatter(points: &[Point], process_faults: &[(u64, FaultKind)], end: u64) -> Markup {
    let scale = LogScale::around(points.iter().map(|point| point.latency));
    let end = millis(end.max(1));
    let x = |t: u64| LEFT + (WIDTH - LEFT) * (millis(t) / end).min(1.0);
    let mut svg = open("Latency over the time of the run");
    scale.draw(&mut svg);
    for (t, kind) in process_faults {
        put!(
            svg,
            r#"<line class="process-fault" x1="{:.1}" x2="{:.1}" y1="0" y2="{}"><title>{}</title></line>"#,
            x(*t),
            x(*t),
            HEIGHT - BOTTOM,
            kind.name()
        );
    }
    for point in points {
        put!(
            svg,
            r#"<circle class="dot answer-{}" cx="{:.1}" cy="{:.1}" r="1.7"/>"#,
            point.class.name(),
            x(point.t),
            scale.y(point.latency)
        );
    }
    let anchors = ["start", "middle", "middle", "middle", "end"];
    for (quarter, anchor) in (0_u8..).zip(anchors) {
        let share = f64::from(quarter) / 4.0;
        put!(
            svg,
            r#"<text x="{:.0}" y="{}" text-anchor="{}">{:.1} s</text>"#,
            LEFT + (WIDTH - LEFT) * share,
            HEIGHT - 6.0,
            anchor,
            end / 1000.0 * share
        );
    }
    svg.raw("</svg>");
    svg
}

/// Latency by percentile, on a logarithmic scale towards 100 %.
pub(super) fn percentiles(latencies: &Latencies) -> Markup {
    const NINES: f64 = 4.0;
    const LABELS: [(f64, &str); 5] = [
        (0.301, "p50"),
        (1.0, "p90"),
        (2.0, "p99"),
        (3.0, "p99.9"),
        (3.9, "p99.99"),
    ];
    let ends = latencies.iter();
    let scale = LogScale::around(ends.flat_map(|(_, seen)| [seen.min(), seen.max()]));
    let x = |nines: f64| LEFT + (WIDTH - LEFT - 8.0) * nines / NINES;
    let mut svg = open("Latency by percentile");
    scale.draw(&mut svg);
    for (class, seen) in latencies.iter() {
        put!(
            svg,
            r#"<path class="curve answer-{}" style="fill:none" d=""#,
            class.name()
        );
        for step in 0..=80 {
            let nines = NINES * f64::from(step) / 80.0;
            let y = scale.y(seen.value_at_quantile(1.0 - 10_f64.powf(-nines)));
            let command = if step == 0 { 'M' } else { 'L' };
            put!(svg, "{}{:.1} {:.1}", command, x(nines), y);
        }
        svg.raw(r#""/>"#);
    }
    for (nines, label) in LABELS {
        put!(
            svg,
            r#"<text x="{:.0}" y="{}" text-anchor="middle">{}</text>"#,
            x(nines) - 4.0,
            HEIGHT - 6.0,
            label
        );
    }
    svg.raw("</svg>");
    svg
}

/// Contended keys by the maximum number of requests in flight at the same time.
#[expect(clippy::cast_precision_loss, reason = "drawn in pixels")]
pub(super) fn overlaps(overlaps: &BTreeMap<u64, u64>) -> Markup {
    // Buckets: 2, 3, 4–5, 6–9 and so on.
    let mut buckets: BTreeMap<u32, u64> = BTreeMap::new();
    for (max, keys) in overlaps {
        let above = max.saturating_sub(1).max(1);
        *buckets
            .entry(above.ilog2() + u32::from(!above.is_power_of_two()))
            .or_default() += keys;
    }
    let highest = buckets.values().max().copied().unwrap_or(1) as f64;
    let width = (WIDTH - LEFT) / buckets.len().max(1) as f64;
    let mut svg = open("Contended keys by requests in flight");
    for (index, (bucket, keys)) in buckets.iter().enumerate() {
        let height = (HEIGHT - BOTTOM - 18.0) * (*keys as f64).ln_1p() / highest.ln_1p();
        let (x, y) = (LEFT + width * index as f64, HEIGHT - BOTTOM - height);
        let label = match bucket {
            0 => "2".to_owned(),
            1 => "3".to_owned(),
            more => format!("{}–{}", (1_u64 << (more - 1)) + 2, (1_u64 << more) + 1),
        };
        let middle = x + width / 2.0;
        put!(
            svg,
            r#"<rect class="bar" x="{:.1}" y="{:.1}" width="{:.1}" height="{:.1}" rx="3"/>"#,
            x + 3.0,
            y,
            width - 6.0,
            height
        );
        put!(
            svg,
            r#"<text x="{:.1}" y="{:.1}" text-anchor="middle">{}</text>"#,
            middle,
            y - 5.0,
            keys
        );
        put!(
            svg,
            r#"<text x="{:.1}" y="{}" text-anchor="middle">{}</text>"#,
            middle,
            HEIGHT - 6.0,
            label
        );
    }
    svg.raw("</svg>");
    svg
}
