//! Scenarios in which the network, or the client, fails.

use std::time::Duration;

use super::{Fault, Gate, Maker, Round, Shot};

/// The answer is lost; the client retries at once, or two of its retries race.
pub(super) fn lost_answer(maker: &mut Maker<'_>) -> Vec<Round> {
    let shot = maker.shot(0);
    let lost = shot.clone().suffering(Fault::LoseAnswer);
    let retries = maker.draw.pick(&[1, 1, 2]);
    let retry = vec![shot.clone().on(maker.instance()); retries];
    vec![Round::single(lost), Round::of(retry), Round::single(shot)]
}

/// The connection is cut at one of the stretches of request and answer, in turn.
pub(super) fn cut(maker: &mut Maker<'_>) -> Vec<Round> {
    let shot = maker.shot(0);
    let stretch = (maker.number * 125) % 1000 + maker.draw.below(125);
    let fault = match maker.number % 5 {
        0 | 1 => Fault::CutRequest { permille: stretch },
        2 | 3 => Fault::CutAnswer { permille: stretch },
        _ => Fault::Duplicate,
    };
    let cut = shot.clone().suffering(fault);
    vec![Round::single(cut), Round::single(shot)]
}

/// The client goes away right after the last byte, or while the server is at work. Nothing more:
/// whatever the server leaves behind has until the end of the run to heal.
pub(super) fn vanish(maker: &mut Maker<'_>) -> Vec<Round> {
    // A server that has seen the end of the connection before it looks at the request drops it
    // unread; most windows are open for some microseconds after that.
    let micros = |least, most| (Duration::from_micros(least), Duration::from_micros(most));
    let (least, most) = match maker.draw.below(10) {
        0 | 1 => micros(1, 2),
        2..=6 => micros(4, 200),
        _ => micros(200, 20_000),
    };
    let after = maker.draw.log_time(least, most);
    let gate = maker.draw.pick(&[Gate::LastByte, Gate::Barrier]);
    let fault = Fault::Vanish {
        after_us: u64::try_from(after.as_micros()).expect("at most 20 ms"),
        reset: maker.draw.chance(50),
    };
    let shot = maker.shot(0).behind(gate);
    let gone = shot.clone().suffering(fault);
    // Every other vanishing client had a rival that stays.
    let shots: Vec<Shot> = if maker.draw.chance(70) {
        vec![gone]
    } else {
        vec![gone, shot]
    };
    vec![Round::of(shots)]
}

/// A request is held back; its retry is answered; then the first one arrives after all.
pub(super) fn late(maker: &mut Maker<'_>) -> Vec<Round> {
    let shot = maker.shot(0);
    let held = shot.clone().suffering(Fault::Late {
        after_ms: 150 + u64::from(maker.draw.below(150)),
    });
    let retry = shot.clone().on(maker.instance());
    let mut rounds = vec![Round::single(held), Round::single(retry)];
    if maker.draw.chance(50) {
        let mut other = shot.clone();
        other.payload = shot.payload.other_quantity();
        rounds.push(Round::single(other));
    }
    rounds.push(Round {
        after_faults: true,
        ..Round::single(shot)
    });
    rounds
}
