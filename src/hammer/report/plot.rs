//! Drawings, as SVG that goes into the page.

use std::collections::BTreeMap;
use std::fmt::Write;

use hdrhistogram::Histogram;

use super::markup::escape;
use super::timeline::millis;
use crate::hammer::judge::Point;

/// Width and height of a plot, and the room for its scales.
const WIDTH: f64 = 520.0;
const HEIGHT: f64 = 230.0;
const LEFT: f64 = 52.0;
const BOTTOM: f64 = 24.0;

/// Milliseconds on a logarithmic scale, from the bottom to the top of a plot.
struct LogScale {
    least: f64,
    most: f64,
}

impl LogScale {
    /// Whole powers of ten around microseconds.
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

    fn y(&self, micros: u64) -> f64 {
        let place =
            (micros_to_millis(micros.max(1)).log10() - self.least) / (self.most - self.least);
        (HEIGHT - BOTTOM) * (1.0 - place)
    }

    fn draw(&self, svg: &mut String) {
        let mut power = self.least;
        while power <= self.most {
            let y = (HEIGHT - BOTTOM) * (1.0 - (power - self.least) / (self.most - self.least));
            let label = 10_f64.powf(power);
            put(
                svg,
                format_args!(
                    r#"<line class="axis" x1="{LEFT}" x2="{WIDTH}" y1="{y:.1}" y2="{y:.1}"/><text x="{:.0}" y="{:.1}" text-anchor="end">{label} ms</text>"#,
                    LEFT - 6.0,
                    (y + 4.0).max(10.0)
                ),
            );
            power += 1.0;
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "drawn in pixels")]
fn micros_to_millis(micros: u64) -> f64 {
    micros as f64 / 1000.0
}

fn put(svg: &mut String, words: std::fmt::Arguments<'_>) {
    svg.write_fmt(words).expect("a String takes everything");
}

fn open() -> String {
    format!(r#"<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">"#)
}

/// Every answer: when, how long it took, what it was; and when processes were struck.
pub(super) fn scatter(points: &[Point], strikes: &[(u64, String)], end: u64) -> String {
    let scale = LogScale::around(points.iter().map(|point| point.latency));
    let end = millis(end.max(1));
    let x = |t: u64| LEFT + (WIDTH - LEFT) * (millis(t) / end).min(1.0);
    let mut svg = open();
    scale.draw(&mut svg);
    for (t, name) in strikes {
        let x = x(*t);
        put(
            &mut svg,
            format_args!(
                r#"<line class="strike" x1="{x:.1}" x2="{x:.1}" y1="0" y2="{}"><title>{}</title></line>"#,
                HEIGHT - BOTTOM,
                escape(name)
            ),
        );
    }
    for point in points {
        put(
            &mut svg,
            format_args!(
                r#"<circle class="dot c{}" cx="{:.1}" cy="{:.1}" r="1.7"/>"#,
                point.class,
                x(point.t),
                scale.y(point.latency)
            ),
        );
    }
    for quarter in 0..=4 {
        let share = f64::from(quarter) / 4.0;
        put(
            &mut svg,
            format_args!(
                r#"<text x="{:.0}" y="{}" text-anchor="{}">{:.1} s</text>"#,
                LEFT + (WIDTH - LEFT) * share,
                HEIGHT - 6.0,
                if quarter == 4 { "end" } else { "middle" },
                end / 1000.0 * share
            ),
        );
    }
    svg + "</svg>"
}

/// Latency by percentile; the further right, the rarer.
pub(super) fn percentiles(classes: &[Histogram<u64>; 4]) -> String {
    const NINES: f64 = 4.0;
    let ends = classes.iter().filter(|seen| !seen.is_empty());
    let scale = LogScale::around(ends.flat_map(|seen| [seen.min(), seen.max()]));
    let x = |nines: f64| LEFT + (WIDTH - LEFT - 8.0) * nines / NINES;
    let mut svg = open();
    scale.draw(&mut svg);
    for (class, seen) in classes
        .iter()
        .enumerate()
        .filter(|(_, seen)| !seen.is_empty())
    {
        let mut path = String::new();
        for step in 0..=80 {
            let nines = NINES * f64::from(step) / 80.0;
            let y = scale.y(seen.value_at_quantile(1.0 - 10_f64.powf(-nines)));
            let letter = if step == 0 { 'M' } else { 'L' };
            put(&mut path, format_args!("{letter}{:.1} {y:.1}", x(nines)));
        }
        put(
            &mut svg,
            format_args!(r#"<path class="curve c{class}" style="fill:none" d="{path}"/>"#),
        );
    }
    for (nines, label) in [
        (0.301, "p50"),
        (1.0, "p90"),
        (2.0, "p99"),
        (3.0, "p99.9"),
        (3.9, "p99.99"),
    ] {
        put(
            &mut svg,
            format_args!(
                r#"<text x="{:.0}" y="{}" text-anchor="middle">{label}</text>"#,
                x(nines) - 4.0,
                HEIGHT - 6.0
            ),
        );
    }
    svg + "</svg>"
}

/// How many requests for one key were open at once, by keys.
#[expect(clippy::cast_precision_loss, reason = "drawn in pixels")]
pub(super) fn overlaps(overlaps: &BTreeMap<u64, u64>) -> String {
    // 2, 3–4, 5–8 and so on.
    let mut buckets: BTreeMap<u32, u64> = BTreeMap::new();
    for (most, keys) in overlaps {
        *buckets
            .entry((most - 1).ilog2() + u32::from(!(most - 1).is_power_of_two()))
            .or_default() += keys;
    }
    let highest = buckets.values().max().copied().unwrap_or(1) as f64;
    let width = (WIDTH - LEFT) / buckets.len().max(1) as f64;
    let mut svg = open();
    for (place, (bucket, keys)) in buckets.iter().enumerate() {
        let height = (HEIGHT - BOTTOM - 18.0) * (*keys as f64).ln_1p() / highest.ln_1p();
        let (x, y) = (LEFT + width * place as f64, HEIGHT - BOTTOM - height);
        let label = match bucket {
            0 => "2".to_owned(),
            1 => "3".to_owned(),
            more => format!("{}–{}", (1_u64 << (more - 1)) + 2, (1_u64 << more) + 1),
        };
        let middle = x + width / 2.0;
        put(
            &mut svg,
            format_args!(
                r#"<rect class="bar" x="{:.1}" y="{y:.1}" width="{:.1}" height="{height:.1}" rx="3"/><text x="{middle:.1}" y="{:.1}" text-anchor="middle">{keys}</text><text x="{middle:.1}" y="{}" text-anchor="middle">{label}</text>"#,
                x + 3.0,
                width - 6.0,
                y - 5.0,
                HEIGHT - 6.0
            ),
        );
    }
    svg + "</svg>"
}
