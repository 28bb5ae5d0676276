//! Scenarios in which requests meet.

use std::time::Duration;

use super::{Maker, Round, Spelling};

/// `count` identical requests, then one more for the replay.
pub(super) fn identical(maker: &mut Maker<'_>, count: u32) -> Vec<Round> {
    let gate = maker.gate();
    let shot = maker.shot(0).behind(gate);
    let burst = (0..count)
        .map(|_| shot.clone().on(maker.instance()))
        .collect();
    vec![Round::of(burst), Round::single(shot)]
}

/// Two, then a duplicate a little later: many windows open just after the first insert.
pub(super) fn stagger(maker: &mut Maker<'_>) -> Vec<Round> {
    let gate = maker.gate();
    let shot = maker.shot(0).behind(gate);
    let delay = maker
        .draw
        .log_time(Duration::from_micros(20), Duration::from_millis(20));
    let instance = maker.instance();
    let late = shot.clone().on(instance).late(delay);
    vec![Round::of(vec![shot.clone(), late]), Round::single(shot)]
}

/// Two payloads at once, in one of several proportions; then both again.
pub(super) fn mismatch(maker: &mut Maker<'_>) -> Vec<Round> {
    let gate = maker.gate();
    let one = maker.shot(0).behind(gate);
    let mut other = one.clone();
    other.payload = if maker.draw.chance(50) {
        one.payload.other_quantity()
    } else {
        one.payload.other_item()
    };
    let (ones, others) = maker.draw.pick(&[(1, 1), (1, 1), (3, 1), (1, 3), (8, 8)]);
    let mut shots = Vec::new();
    for place in 0..ones.max(others) {
        // Whoever is released first has an advantage: take turns.
        if place < others {
            shots.push(other.clone().on(maker.instance()));
        }
        if place < ones {
            shots.push(one.clone().on(maker.instance()));
        }
    }
    if maker.draw.chance(50) {
        shots.reverse();
    }
    let spelling = maker.draw.pick(&Spelling::OTHERS);
    let mut again = one.clone();
    if maker.draw.chance(25) {
        again.payload = again.payload.spelled(spelling);
    }
    vec![Round::of(shots), Round::single(again), Round::single(other)]
}
