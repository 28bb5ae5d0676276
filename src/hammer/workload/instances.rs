//! Scenarios about a service of several instances, and about their end.

use std::time::Duration;

use super::{Blow, Maker, Round, Shot, Strike};

/// Identical requests on all instances at once, then a replay through each of them.
pub(super) fn across(maker: &mut Maker<'_>) -> Vec<Round> {
    let gate = maker.gate();
    let shot = maker.shot(0).behind(gate);
    let width = maker.draw.pick(&[1, 1, 2, 8]);
    let everywhere: Vec<Shot> = (0..maker.setting.instances)
        .map(|instance| shot.clone().on(instance))
        .collect();
    let burst = vec![everywhere.clone(); width].concat();
    let replays = everywhere.into_iter().map(Round::single);
    std::iter::once(Round::of(burst)).chain(replays).collect()
}

/// Eight keys, a pair each, and the instance dies somewhere between first byte and last answer;
/// then everything is retried on it.
pub(super) fn kill(maker: &mut Maker<'_>) -> Vec<Round> {
    let after = maker
        .draw
        .log_time(Duration::from_micros(50), Duration::from_millis(30));
    struck(maker, after, Blow::Kill)
}

/// The same, but the instance only stops, for longer than its rivals need to take over.
pub(super) fn pause(maker: &mut Maker<'_>) -> Vec<Round> {
    let after = maker
        .draw
        .log_time(Duration::from_micros(50), Duration::from_millis(5));
    let hold_ms = 200 + u64::from(maker.draw.below(600));
    struck(maker, after, Blow::Pause { hold_ms })
}

fn struck(maker: &mut Maker<'_>, after: Duration, blow: Blow) -> Vec<Round> {
    let victim = maker.instance();
    let (mut shots, mut retries) = (Vec::new(), Vec::new());
    for index in 0..8 {
        let shot = maker.shot(index).on(victim);
        // A rival on another instance, where there is one, some of them after the blow.
        let delay = if maker.draw.chance(50) {
            Duration::ZERO
        } else {
            after + Duration::from_millis(5)
        };
        shots.push(shot.clone());
        shots.push(shot.clone().on(victim + 1).late(delay));
        if maker.draw.chance(40) {
            shots.push(shot.clone());
        }
        retries.push(shot);
    }
    shots.sort_by_key(|shot| shot.delay);
    vec![
        Round {
            strike: Some(Strike {
                instance: victim,
                after_us: u64::try_from(after.as_micros()).expect("at most 30 ms"),
                blow,
            }),
            ..Round::of(shots)
        },
        Round::of(retries),
    ]
}
